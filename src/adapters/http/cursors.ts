import { v5 } from 'uuid';
import {
  messageIdFrom,
  uuidText,
  type ConversationId,
  type Position,
  type UserId,
} from '../../domain/ids.ts';

/** A list that is paged by cursor: the messages of one conversation, or the inbox of one user. */
export type List =
  { readonly kind: 'history'; readonly of: ConversationId } | { readonly kind: 'inbox'; readonly of: UserId };

/** The first byte of a cursor: the version of the layout and the kind of list. */
const FIRST_BYTE = { history: '11', inbox: '12' } as const;

/** A fixed random value. A change would invalidate every cursor that clients hold. */
const NAMESPACE = 'd3a2c4f0-5b61-4a86-9a3e-2f4b8f0c7e15';

/** The alphabet of base64url. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The format of every cursor. */
export const CURSOR_PATTERN = /^[A-Za-z0-9_-]{32}$/;

/**
 * The cursor for the entries below `position` in `list`: 24 bytes in base64url. These are the first byte, 16 bytes of
 * the position, and a 7-byte checksum of kind, list and position. The checksum detects mistakes. It need not detect
 * forgeries: a cursor contains no secret and grants no access.
 */
export function cursorAt(list: List, position: Position): string {
  // The digits of a UUIDv5 behind its version and variant are all hash.
  const check = v5(`${list.kind}\n${list.of}\n${position}`, NAMESPACE).slice(21);
  const digits = (FIRST_BYTE[list.kind] + position + check).replaceAll('-', '');
  let cursor = '';
  // Three hexadecimal digits are twelve bits, which are two base64url characters.
  for (let at = 0; at < digits.length; at += 3) {
    const bits = parseInt(digits.slice(at, at + 3), 16);
    cursor += ALPHABET.charAt(bits >> 6) + ALPHABET.charAt(bits & 63);
  }
  return cursor;
}

/** The position in `list` that `cursor` encodes; null if it is malformed or belongs to another list. */
export function positionFromCursor(list: List, cursor: string): Position | null {
  if (!CURSOR_PATTERN.test(cursor)) return null;
  let digits = '';
  for (let at = 0; at < cursor.length; at += 2) {
    const bits = ALPHABET.indexOf(cursor.charAt(at)) * 64 + ALPHABET.indexOf(cursor.charAt(at + 1));
    digits += bits.toString(16).padStart(3, '0');
  }
  const position = messageIdFrom(uuidText(digits.slice(2, 34)));
  // Encoding the position again gives the same cursor only if version, kind, list and checksum are correct.
  return position !== null && cursorAt(list, position) === cursor ? position : null;
}
