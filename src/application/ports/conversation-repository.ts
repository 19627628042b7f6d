import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import type { ConversationId, UserId } from '../../domain/ids.ts';
import type { Slice } from '../../domain/page.ts';

/** The conversations, and the inboxes that show them. */
export interface ConversationRepository {
  /** The conversation, begun by `start` or by its first message; null where neither happened. */
  find(id: ConversationId): Promise<Conversation | null>;

  /**
   * Begins a conversation and puts it into each participant's inbox. It is idempotent, and of several begins the
   * one with the earliest `created` counts, in whatever order they arrive. Rejects like `append`.
   *
   * Where `isLive` is true (it is false by default), the participants are told also if the start becomes visible late
   * (`isLate`): by another event with a new id, in the log of each participant who has no message of the conversation. A
   * repeat of a start that is complete adds no event. The conversation stays at its creation in the inbox.
   */
  start(conversation: Conversation, options?: { readonly isLive: boolean }): Promise<void>;

  /**
   * Whether the conversation is in this user's inbox: whether it was begun, and with them. A conversation of others and
   * one that nobody began are looked for in the same place, and missing there in the same way.
   */
  isInInbox(userId: UserId, id: ConversationId): Promise<boolean>;

  /**
   * The slice of a user's inbox: one entry for each conversation, by its last event (`InboxEntry.lastEventId`), newest
   * first. Entries whose position did not change meanwhile are without gap or repeat; one that moves up while a list is
   * being paged through is not repeated further down.
   */
  listByUser(userId: UserId, slice: Slice): Promise<readonly InboxEntry[]>;
}
