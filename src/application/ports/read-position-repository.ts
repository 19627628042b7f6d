import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import type { Membership, OwnMembership } from '../../domain/group.ts';
import type { EventId, UserId } from '../../domain/ids.ts';
import type { ReadMark, ReadPosition } from '../../domain/read-position.ts';

/** The read position of each user in each of their conversations. `append` moves the sender's position to the message. */
export interface ReadPositionRepository {
  /**
   * Marks a conversation as read by `userId` up to `upTo`, or up to its last event if `upTo` lies above it
   * (`positionAfterMark`). Resolves with the position after the mark; null if the conversation is not in the user's
   * inbox. In a group, `membership` is that of the user (`GroupRepository.findMembership`).
   *
   * A position only moves forward, regardless of the order and the number of marks and of the process that gets them. If
   * it moves, a `conversation.read` event is in the event log of each participant (in a group: of the reader) when this
   * resolves; a mark that does not move it writes nothing. Of concurrent marks more than one may write an event. Rejects
   * like `append`.
   */
  mark(mark: ReadMark, membership?: OwnMembership | null): Promise<EventId | null>;

  /** The positions of all participants of a conversation, in the order of `participants`. */
  listByConversation(
    conversation: Pick<Conversation, 'id' | 'participants'>,
  ): Promise<readonly ReadPosition[]>;

  /**
   * The number of messages of other users above the read position and up to the last event of `entry`, an entry of the inbox
   * of `userId`: a message that arrives after the entry was read does not count. A message counts once, by its own event or
   * its late event; a deleted one does not count. At most `MAX_UNREAD_COUNT`, which means that many or more. If more
   * than `MAX_UNCOUNTED_ROWS` are deleted, the count may be too low, but it is 1 at least. With the `membership` of the user in a
   * group, only the messages that it covers count.
   */
  countUnread(
    userId: UserId,
    entry: Pick<InboxEntry, 'conversationId' | 'lastEventId' | 'readUpTo'>,
    membership?: Membership,
  ): Promise<number>;
}
