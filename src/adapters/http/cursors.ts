import { v5 } from 'uuid';
import { messageIdFrom, type ConversationId, type Position, type UserId } from '../../domain/ids.ts';

/** A list that cursors lead through: the messages of one conversation, or the inbox of one user. */
export type List =
  { readonly kind: 'history'; readonly of: ConversationId } | { readonly kind: 'inbox'; readonly of: UserId };

/** The first byte of a cursor: the version of its layout, and which kind of list it is for. */
const FIRST_BYTE = { history: '11', inbox: '12' } as const;

/** Chosen once, at random. Another value would turn away every cursor that clients still hold. */
const NAMESPACE = 'd3a2c4f0-5b61-4a86-9a3e-2f4b8f0c7e15';

/** That of base64url. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** What every cursor looks like. */
export const CURSOR_PATTERN = /^[A-Za-z0-9_-]{32}$/;

/**
 * The cursor for what lies below `position` in `list`: 24 bytes in base64url, which are the first byte, the
 * sixteen of the position, and seven of a check over the kind, the list and the position. The check is there
 * against mistakes, not against forgers, who would win nothing: a cursor hides no secret and gives no access.
 */
export function cursorAt(list: List, position: Position): string {
  // Behind its version and its variant, a name-based UUID is nothing but hash.
  const check = v5(`${list.kind}\n${list.of}\n${position}`, NAMESPACE).slice(21);
  const digits = (FIRST_BYTE[list.kind] + position + check).replaceAll('-', '');
  let cursor = '';
  // Three hexadecimal digits are two characters: twelve bits.
  for (let at = 0; at < digits.length; at += 3) {
    const bits = parseInt(digits.slice(at, at + 3), 16);
    cursor += ALPHABET.charAt(bits >> 6) + ALPHABET.charAt(bits & 63);
  }
  return cursor;
}

/** The position that `cursor` stands for in `list`; null where it is no cursor, or that of another list. */
export function positionFromCursor(list: List, cursor: string): Position | null {
  if (!CURSOR_PATTERN.test(cursor)) return null;
  let digits = '';
  for (let at = 0; at < cursor.length; at += 2) {
    const bits = ALPHABET.indexOf(cursor.charAt(at)) * 64 + ALPHABET.indexOf(cursor.charAt(at + 1));
    digits += bits.toString(16).padStart(3, '0');
  }
  const position = messageIdFrom(digits.slice(2, 34).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
  // Made anew it is the same only if version, kind, list and check are right.
  return position !== null && cursorAt(list, position) === cursor ? position : null;
}
