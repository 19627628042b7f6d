declare const brand: unique symbol;

/** Chosen by the caller: 1–64 characters of `A–Z a–z 0–9 . _ : @ -`, except `.` and `..`. */
export type UserId = string & { readonly [brand]: 'UserId' };

/**
 * A UUID in lower case. For a conversation of two it is a UUIDv5 of their user ids; for a group it is the UUIDv7 of its
 * creation (see `isGroupId`).
 */
export type ConversationId = string & { readonly [brand]: 'ConversationId' };

/**
 * A position in a list: text in the format of a UUIDv7, in lower case. Positions are compared as strings. Their order
 * is the same in memory, in a cursor and in a Cassandra `uuid` column.
 */
export type Position = string & { readonly [position]: true };
declare const position: unique symbol;

/** A time-ordered UUIDv7 made by the server: the id of an event in a log, and a conversation's inbox position. */
export type EventId = Position & { readonly [event]: true };
declare const event: unique symbol;

/** The id of a message, and of its event unless the message became visible late (see `isLate`). */
export type MessageId = EventId & { readonly [brand]: 'MessageId' };

/** 1–255 visible ASCII characters, chosen by the sender to identify one send. */
export type IdempotencyKey = string & { readonly [brand]: 'IdempotencyKey' };

/** Excludes `.` and `..`, because URL parsers remove them from paths. */
export const USER_ID_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,64}$/;

/** Visible ASCII: no space, no control character. */
export const IDEMPOTENCY_KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A UUIDv7 in either case, whose microsecond and whose thousandth (see `time.ts`) are 0–999. */
export const MESSAGE_ID_PATTERN =
  /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-7(?:[0-2][0-9A-Fa-f]{2}|3[0-9A-Da-d][0-9A-Fa-f]|3[Ee][0-7])-(?:[89Aa][0-9A-Fa-f]{2}|[Bb][0-9A-Da-d][0-9A-Fa-f]|[Bb][Ee][0-7])[0-9A-Fa-f]-[0-9A-Fa-f]{12}$/;

/** `text` as a user id; null if it is invalid. */
export function userIdFrom(text: string): UserId | null {
  return USER_ID_PATTERN.test(text) ? (text as UserId) : null;
}

/** `text` as a conversation id in lower case; null unless it is a UUID (in either case). */
export function conversationIdFrom(text: string): ConversationId | null {
  const lower = text.toLowerCase();
  return UUID_PATTERN.test(lower) ? (lower as ConversationId) : null;
}

/** The 32 hexadecimal `digits` of a UUID with its hyphens. */
export function uuidText(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Whether `id` is the id of a group: a UUID of version 7. */
export function isGroupId(id: ConversationId): boolean {
  return id.charAt(14) === '7';
}

/** `text` (in either case) as the id of a message or of an event; null if it is invalid. */
export function messageIdFrom(text: string): MessageId | null {
  return MESSAGE_ID_PATTERN.test(text) ? (text.toLowerCase() as MessageId) : null;
}

/** `text` as an idempotency key; null if it is invalid. */
export function idempotencyKeyFrom(text: string): IdempotencyKey | null {
  return IDEMPOTENCY_KEY_PATTERN.test(text) ? (text as IdempotencyKey) : null;
}
