import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import type { ConversationId, UserId } from '../../domain/ids.ts';
import type { Slice } from '../../domain/page.ts';

/** The conversations of two, and the inboxes, which show groups as well. */
export interface ConversationRepository {
  /** The conversation, created by `start` or by its first message; null if neither happened. */
  find(id: ConversationId): Promise<Conversation | null>;

  /**
   * Starts a conversation and puts it into each participant's inbox. Idempotent; of several starts the one with the
   * earliest `created` wins, in any order of arrival. Rejects like `append`.
   *
   * If `isLive` is true (the default is false), a start that becomes visible late (`isLate`) is reported by one more event
   * with a new id, in the log of each participant who has no message of the conversation. A repeat of a complete start adds
   * no event. The conversation stays at its creation in the inbox.
   */
  start(conversation: Conversation, options?: { readonly isLive: boolean }): Promise<void>;

  /**
   * Whether the conversation is in this user's inbox: it exists and the user is a participant. A conversation of other
   * users and one that does not exist are looked up in the same way, so that latency does not reveal which it is.
   */
  isInInbox(userId: UserId, id: ConversationId): Promise<boolean>;

  /**
   * The slice of a user's inbox: one entry for each conversation, by its last event (`InboxEntry.lastEventId`), newest
   * first. Over several pages, an entry whose position does not change appears exactly once; an entry that moves up
   * meanwhile is not repeated further down. May reject with an `Overload` if the slice is expensive to find.
   */
  listByUser(userId: UserId, slice: Slice): Promise<readonly InboxEntry[]>;
}
