import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import type { EventId, UserId } from '../../domain/ids.ts';
import type { ReadMark, ReadPosition } from '../../domain/read-position.ts';

/** How far each user has read each of their conversations. A sender's position moves to their message by `append`. */
export interface ReadPositionRepository {
  /**
   * Marks a conversation as read by `userId` up to `upTo`, or up to its last event where `upTo` lies beyond it
   * (`positionAfterMark`). Resolves with the position that holds then; null where the conversation is not in the
   * user's inbox.
   *
   * A position only moves forward, whatever the order in which marks arrive, from wherever and however often. Where it
   * moves, a `conversation.read` is in the event log of the reader, and in a conversation of two in that of the other,
   * by the time this resolves; a mark that moves nothing writes nothing. Of marks in the same instant more than one may
   * write an event. Rejects like `append`.
   */
  mark(mark: ReadMark): Promise<EventId | null>;

  /** The positions of all participants of a conversation, in the order of `participants`. */
  listByConversation(
    conversation: Pick<Conversation, 'id' | 'participants'>,
  ): Promise<readonly ReadPosition[]>;

  /**
   * How many messages of others lie above the position in `entry`, an entry of the inbox of `userId`: by their own
   * events or by their late events, each once. At most `MAX_UNREAD_COUNT`, which stands for more.
   */
  countUnread(
    userId: UserId,
    entry: Pick<InboxEntry, 'conversationId' | 'lastEventId' | 'readUpTo'>,
  ): Promise<number>;
}
