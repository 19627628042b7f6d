import type { InboxEntry } from './conversation.ts';
import type { ConversationId, EventId, Position, UserId } from './ids.ts';

/**
 * How far a user has read a conversation: a place in the order of its events. It only moves forward. A message is read
 * if its event, and its late event if it has one, lie at the position or below.
 */
export interface ReadPosition {
  readonly userId: UserId;
  /** Null before the first mark and the first message of the user. */
  readonly readUpTo: EventId | null;
}

/** A request to move a read position. */
export interface ReadMark {
  readonly userId: UserId;
  readonly conversationId: ConversationId;
  /** The id of an event or of a message: the place up to which the user has read. */
  readonly upTo: EventId;
}

/** The maximum count of unread messages; it means that many or more. */
export const MAX_UNREAD_COUNT = 100;

/**
 * A count of unread messages reads them newest first. It ends when it has read more than this many that do not count, such as
 * deleted ones; and so does the count of those that became visible late.
 */
export const MAX_UNCOUNTED_ROWS = 1_000;

/**
 * The count of unread messages, of which `found` were found. If not all messages were read (`isComplete`), more may be
 * unread, so the count is not zero.
 */
export function unreadCountOf(found: number, isComplete: boolean): number {
  return Math.min(isComplete ? found : Math.max(found, 1), MAX_UNREAD_COUNT);
}

/** The later of two positions. */
export function laterPosition(one: EventId | null, other: EventId | null): EventId | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}

/** The earlier of two positions; null is later than every position. */
export function earlierPosition(one: Position | null, other: Position): Position {
  return one !== null && one < other ? one : other;
}

/**
 * The position of an inbox's owner after they marked the conversation as read up to `upTo`: never beyond the last event,
 * so that no later message is read before it arrives, and never before the current position.
 */
export function positionAfterMark(
  { lastEventId, readUpTo }: Pick<InboxEntry, 'lastEventId' | 'readUpTo'>,
  upTo: EventId,
): EventId {
  const target = upTo < lastEventId ? upTo : lastEventId;
  return readUpTo !== null && readUpTo > target ? readUpTo : target;
}

/**
 * Whether an inbox entry has an unread message of another user, derived only from its last event. Null if the unread
 * messages must be counted: if the last message is deleted, since earlier ones may be unread; or if the last event is the
 * late event of a message of the owner. Such a message moves the read position only to its own id, since the owner may not
 * have seen what others sent before its late event.
 */
export function isUnread(
  owner: UserId,
  { lastEventId, lastMessage, readUpTo }: Pick<InboxEntry, 'lastEventId' | 'lastMessage' | 'readUpTo'>,
): boolean | null {
  if (lastMessage === null || (readUpTo !== null && readUpTo >= lastEventId)) return false;
  return lastMessage.senderId === owner || lastMessage.preview === null ? null : true;
}
