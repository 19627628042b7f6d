import { LRUCache } from 'lru-cache';
import { v5 } from 'uuid';
import type { ConversationIdOf } from '../../application/ports/conversation-ids.ts';
import { conversationKey } from '../../domain/conversation.ts';
import type { ConversationId } from '../../domain/ids.ts';

/** A fixed random value. Another value would give every pair a second conversation. */
const NAMESPACE = '6f1c2f6e-6a53-4b0e-9d5e-0c7a3f1b8d24';

/** A cache: conversations are used repeatedly, and a hash costs ten times a lookup. */
const cache = new LRUCache<string, ConversationId>({ max: 10_000 });

/** The conversation id: the name-based UUID (version 5, RFC 9562 §5.5) of the conversation key. */
export const conversationIdOf: ConversationIdOf = (participants) => {
  const key = conversationKey(participants);
  let id = cache.get(key);
  if (id === undefined) {
    id = v5(key, NAMESPACE) as ConversationId;
    cache.set(key, id);
  }
  return id;
};
