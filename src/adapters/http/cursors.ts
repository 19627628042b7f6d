import {
  messageIdFrom,
  uuidText,
  type ConversationId,
  type Position,
  type UserId,
} from '../../domain/ids.ts';
import { cursorDigits, cursorText } from './cursor-text.ts';

/** A list that is paged by cursor: the messages of one conversation, or the inbox of one user. */
export type List =
  { readonly kind: 'history'; readonly of: ConversationId } | { readonly kind: 'inbox'; readonly of: UserId };

/** The first byte of a cursor: the version of the layout and the kind of list. */
const FIRST_BYTE = { history: '21', inbox: '22' } as const;

/** The format of every cursor. */
export const CURSOR_PATTERN = /^[A-Za-z0-9_-]{28}$/;

/** The cursor for the entries below `position` in `list`: the first byte and the 16 bytes of the position. */
export function cursorAt(list: List, position: Position): string {
  return cursorText(list.of, FIRST_BYTE[list.kind] + position.replaceAll('-', ''));
}

/** The position in `list` that `cursor` encodes; null if it is malformed or belongs to another list. */
export function positionFromCursor(list: List, cursor: string): Position | null {
  if (!CURSOR_PATTERN.test(cursor)) return null;
  const digits = cursorDigits(list.of, cursor);
  return digits?.startsWith(FIRST_BYTE[list.kind]) === true ? messageIdFrom(uuidText(digits.slice(2))) : null;
}
