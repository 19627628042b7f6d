import type { Participants } from '../../domain/conversation.ts';
import type { ConversationId, IdempotencyKey, MessageId } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';

/** A message to be stored. */
export interface AppendRequest {
  readonly message: Message;
  /** Whose inboxes and event logs it belongs in: the sender's and the receiver's. */
  readonly participants: Participants;
  /** The sender's name for this send, or null where it has none. */
  readonly idempotencyKey: IdempotencyKey | null;
  /**
   * Whether the participants are to be told also when the message becomes visible late: true for a send, false for a
   * message out of the past, such as an import, which only takes its place in history.
   */
  readonly isLive: boolean;
}

/** What came of it. */
export type AppendResult =
  | { readonly outcome: 'appended'; readonly message: Message }
  /** The key had been used for the same body: this is the message that it stands for. */
  | { readonly outcome: 'repeated'; readonly message: Message }
  /** The key had been used for another body: nothing was stored. */
  | { readonly outcome: 'key_reused' };

/** The most messages that are looked up at a time: at the longest, they are 2.6 MB. */
export const MAX_LOOKUPS = 32;

/** The messages of all conversations, newest first within each. */
export interface MessageRepository {
  /**
   * Stores a message with all that it implies: its conversation, and for each participant its place in the inbox and
   * its event in the event log.
   *
   * Once it resolves, all of that is stored durably and is seen by every later read. It is idempotent: an id
   * counts once however often, from wherever and in whatever order it is appended. Where a key is given, the
   * first request under (sender, key) within the retention of keys decides the message's id for all others, even in
   * the same instant. A repeat of what was acknowledged writes nothing.
   *
   * A live message that becomes visible late (`isLate`) gets one late event, whoever completes it and however often:
   * history shows the message at its own time, while inbox and event log treat it as news.
   *
   * Rejects with a `StorageFailure`. After `unavailable` nothing was stored; after `outcome_unknown` any part
   * may be, the message always before its places in inboxes, and repeating the same request completes it.
   */
  append(request: AppendRequest): Promise<AppendResult>;

  /**
   * The slice of a conversation's messages, newest first: exactly those appended before the call and below
   * `before`, without gap or repeat. A conversation that does not exist has none.
   */
  listBefore(conversationId: ConversationId, slice: Slice): Promise<readonly Message[]>;

  /**
   * Those of the messages `ids` of a conversation that are there, in any order. Costs a lookup for each: at most
   * `MAX_LOOKUPS` at a time.
   */
  find(conversationId: ConversationId, ids: readonly MessageId[]): Promise<readonly Message[]>;
}
