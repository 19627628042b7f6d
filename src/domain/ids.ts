declare const brand: unique symbol;

/** Text of 1–64 characters out of `A–Z a–z 0–9 . _ : @ -`, chosen by the caller; never `.` or `..`. */
export type UserId = string & { readonly [brand]: 'UserId' };

/** A UUID in lower case. For the talk between two people it is computed from their ids. */
export type ConversationId = string & { readonly [brand]: 'ConversationId' };

/**
 * A place in a list: text in the shape of a UUIDv7, in lower case. Places are compared as strings, and so
 * compare alike in memory, in a cursor and in a Cassandra `uuid` column.
 */
export type Position = string & { readonly [position]: true };
declare const position: unique symbol;

/** A UUIDv7 made by the server; time-ordered. It places a conversation in an inbox, and names an event in a log. */
export type EventId = Position & { readonly [event]: true };
declare const event: unique symbol;

/** The id of a message, and of the event that reports it where it became visible in time. */
export type MessageId = EventId & { readonly [brand]: 'MessageId' };

/** 1–255 visible ASCII characters, chosen by a sender to name one send. */
export type IdempotencyKey = string & { readonly [brand]: 'IdempotencyKey' };

/** `.` and `..` are kept out because URL paths swallow them. */
export const USER_ID_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,64}$/;

/** Visible ASCII: no space, no control character. */
export const IDEMPOTENCY_KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A UUIDv7 in either case, whose microsecond and whose thousandth (see `time.ts`) are 0–999. */
export const MESSAGE_ID_PATTERN =
  /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-7(?:[0-2][0-9A-Fa-f]{2}|3[0-9A-Da-d][0-9A-Fa-f]|3[Ee][0-7])-(?:[89Aa][0-9A-Fa-f]{2}|[Bb][0-9A-Da-d][0-9A-Fa-f]|[Bb][Ee][0-7])[0-9A-Fa-f]-[0-9A-Fa-f]{12}$/;

/** The user id that `text` is, or null. */
export function userIdFrom(text: string): UserId | null {
  return USER_ID_PATTERN.test(text) ? (text as UserId) : null;
}

/** The conversation id that `text` is (any UUID, in either case), or null. */
export function conversationIdFrom(text: string): ConversationId | null {
  const lower = text.toLowerCase();
  return UUID_PATTERN.test(lower) ? (lower as ConversationId) : null;
}

/** The id of a message or of an event that `text` is (in either case), or null where it was not made here. */
export function messageIdFrom(text: string): MessageId | null {
  return MESSAGE_ID_PATTERN.test(text) ? (text.toLowerCase() as MessageId) : null;
}

/** The idempotency key that `text` is, or null. */
export function idempotencyKeyFrom(text: string): IdempotencyKey | null {
  return IDEMPOTENCY_KEY_PATTERN.test(text) ? (text as IdempotencyKey) : null;
}
