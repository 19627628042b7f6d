import type { Participants } from '../../domain/conversation.ts';
import type { ConversationId, IdempotencyKey } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import type { Stretch } from '../../domain/page.ts';

/** A message on its way in. */
export interface Posting {
  readonly message: Message;
  /** Whose inboxes it belongs in: the sender's and the receiver's. */
  readonly participants: Participants;
  /** The sender's name for this send, or null where it has none. */
  readonly idempotencyKey: IdempotencyKey | null;
}

/** What became of a posting. */
export type Appended =
  | { readonly outcome: 'appended'; readonly message: Message }
  /** The key had been used for the same body: this is the message that it stands for. */
  | { readonly outcome: 'repeated'; readonly message: Message }
  /** The key had been used for another body: nothing was stored. */
  | { readonly outcome: 'key_reused' };

/** The messages of all conversations, newest first within each. */
export interface MessageRepository {
  /**
   * Stores a message with all that it implies: its conversation, and its place in the inbox of each participant.
   *
   * Once it resolves, all of that is stored durably and is seen by every later read. It is idempotent: an id
   * counts once however often, from wherever and in whatever order it is appended. Where a key is given, the
   * first posting under (sender, key) decides the message's id for all others, even in the same instant.
   *
   * Rejects with a `StorageFailure`. After `unavailable` nothing was stored; after `outcome_unknown` any part
   * may be, the message always before its places in inboxes, and repeating the same posting completes it.
   */
  append(posting: Posting): Promise<Appended>;

  /**
   * The stretch of a conversation's messages, newest first: exactly those appended before the call and below
   * `before`, without gap or repeat. A conversation that does not exist has none.
   */
  listBefore(conversationId: ConversationId, stretch: Stretch): Promise<readonly Message[]>;
}
