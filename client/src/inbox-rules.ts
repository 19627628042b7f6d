import type { Conversation, InboxEntry, Message } from './types.ts';

/*
 * How events change the shown entries. All functions are pure. Ids are compared as text: their order is that of the events.
 */

/** An entry after a change. If it is not `exact`, its read state has to be listed again. */
export interface Changed {
  readonly entry: InboxEntry;
  readonly exact: boolean;
}

/** The number of unread messages is counted up to this number. */
const MAX_UNREAD = 100;

/** The maximum length of a preview, in code points. */
const MAX_PREVIEW = 140;

/** `entry` after the event `eventId` of `message`, for the owner `userId` of the inbox. */
export function withMessage(entry: InboxEntry, userId: string, eventId: string, message: Message): Changed {
  // The entry was listed after this event was stored, or before: an older event may become visible late.
  if (eventId <= entry.last_event_id) return { entry, exact: eventId === entry.last_event_id };
  const next: InboxEntry = {
    ...entry,
    last_event_id: eventId,
    last_message_id: message.id,
    last_message_sender_id: message.sender_id,
    last_message_content: message.content === null ? null : previewOf(message.content),
    last_message_at: message.created_at,
  };
  // An event with an id of its own is that of a message that became visible late. The message may have been counted before.
  const exact = eventId === message.id;
  if (message.sender_id === userId) {
    const read = { ...next, read_up_to: later(entry.read_up_to, message.id) };
    return { entry: exact ? { ...read, unread: false, unread_count: 0 } : read, exact };
  }
  if (isRead(next, eventId)) return { entry: next, exact };
  const unread_count = Math.min((entry.unread_count ?? 0) + 1, MAX_UNREAD);
  return { entry: { ...next, unread: true, unread_count }, exact: exact && !isDeleted(message) };
}

/** `entry` after its owner has read it up to `readUpTo`. */
export function withRead(entry: InboxEntry, readUpTo: string): Changed {
  if (isRead(entry, readUpTo)) return { entry, exact: true };
  const read = { ...entry, read_up_to: readUpTo };
  if (readUpTo < entry.last_event_id) return { entry: read, exact: !entry.unread };
  return { entry: { ...read, unread: false, unread_count: 0 }, exact: true };
}

/** `held` after its message was edited or deleted; the content is then null. */
export function withContent(held: InboxEntry, messageId: string, content: string | null): InboxEntry {
  if (held.last_message_id !== messageId) return held;
  return { ...held, last_message_content: content === null ? null : previewOf(content) };
}

/** `listed`, an entry that was read some time ago, merged with the known entry: the newer value of each part. */
export function merged(held: InboxEntry | undefined, listed: InboxEntry): Changed {
  if (held === undefined) return { entry: listed, exact: true };
  if (listed.last_event_id < held.last_event_id) {
    // Leaving a group may move it down. A listing from before the user joined again looks the same, so it is listed again.
    return { entry: listed.left_at === null ? held : listed, exact: false };
  }
  return held.read_up_to === null ? { entry: listed, exact: true } : withRead(listed, held.read_up_to);
}

/** The newer state of a message. The earliest deletion is final. */
export function newerOf(held: Message | undefined, other: Message): Message {
  if (held === undefined) return other;
  if (isDeleted(held) && isDeleted(other)) {
    return (other.deleted_at ?? '') < (held.deleted_at ?? '') ? other : held;
  }
  if (isDeleted(held) || isDeleted(other)) return isDeleted(held) ? held : other;
  return (other.edited_at ?? '') > (held.edited_at ?? '') ? other : held;
}

export function isDeleted(message: Message): boolean {
  return message.content === null;
}

type ReadPositions = NonNullable<Conversation['read_positions']>;

/** `conversation` with at least these read positions, by user. */
export function withPositions<Some extends Pick<Conversation, 'read_positions'>>(
  conversation: Some,
  positions: ReadonlyMap<string, string>,
): Some {
  if (conversation.read_positions === null) return conversation;
  const read_positions: ReadPositions = conversation.read_positions.map(({ user_id, read_up_to }) => ({
    user_id,
    read_up_to: later(read_up_to, positions.get(user_id) ?? null),
  }));
  return { ...conversation, read_positions };
}

/** The later of two positions. */
export function later(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}

function isRead({ read_up_to }: InboxEntry, position: string): boolean {
  return read_up_to !== null && read_up_to >= position;
}

/** The beginning of `content`, cut between graphemes, as the service makes it. */
export function previewOf(content: string): string {
  if ([...content.slice(0, 2 * MAX_PREVIEW + 2)].length <= MAX_PREVIEW) return content;
  let end = 0;
  let length = 0;
  const start = content.slice(0, 4 * MAX_PREVIEW);
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(start)) {
    length += [...segment].length;
    if (length > MAX_PREVIEW) break;
    end += segment.length;
  }
  return end > 0 ? content.slice(0, end) : [...start].slice(0, MAX_PREVIEW).join('');
}
