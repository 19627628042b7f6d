import { LRUCache } from 'lru-cache';
import { v5 } from 'uuid';
import type { ConversationIdOf } from '../../application/ports/conversation-ids.ts';
import { conversationKey } from '../../domain/conversation.ts';
import type { ConversationId } from '../../domain/ids.ts';

/** Chosen once, at random. Another value would give every pair a second conversation. */
const NAMESPACE = '6f1c2f6e-6a53-4b0e-9d5e-0c7a3f1b8d24';

/** Those who talk will talk again, and a hash costs ten times a look. */
const known = new LRUCache<string, ConversationId>({ max: 10_000 });

/** The conversation id as the name-based UUID (version 5, RFC 9562 §5.5) of the participants' identity. */
export const conversationIdOf: ConversationIdOf = (participants) => {
  const identity = conversationKey(participants);
  let id = known.get(identity);
  if (id === undefined) {
    id = v5(identity, NAMESPACE) as ConversationId;
    known.set(identity, id);
  }
  return id;
};
