import { MAX_HASHES, type EventCursor } from '../../domain/event-cursor.ts';
import { messageIdFrom, uuidText, type UserId } from '../../domain/ids.ts';
import { cursorDigits, cursorText } from './cursor-text.ts';

/** The first byte: the version of the layout, and the kind of cursor. See `cursors.ts`. */
const FIRST_BYTE = '13';

const FLOOR_DIGITS = 32;
const HASH_DIGITS = 16;
const HASH = /.{16}/g;

/** The format of every event cursor: 21 bytes, plus 8 bytes per hash, in base64url. */
export const EVENT_CURSOR_PATTERN = /^[A-Za-z0-9_-]{28,5362}$/;

/**
 * The text of `cursor` for the events of `userId`: the first byte, the floor and the hashes. It contains at most the last
 * `MAX_HASHES` hashes, those of the newest events; the events of the other hashes are delivered again.
 */
export function eventCursorText(userId: UserId, { floor, delivered }: EventCursor): string {
  const hashes = [...delivered].slice(-MAX_HASHES).join('');
  return cursorText(userId, FIRST_BYTE + floor.replaceAll('-', '') + hashes);
}

/** The cursor that `text` encodes for the events of `userId`; null if it is malformed or belongs to another user. */
export function eventCursorFrom(userId: UserId, text: string): EventCursor | null {
  if (!EVENT_CURSOR_PATTERN.test(text)) return null;
  const digits = cursorDigits(userId, text);
  if (digits?.startsWith(FIRST_BYTE) !== true) return null;
  const end = FIRST_BYTE.length + FLOOR_DIGITS;
  const floor = messageIdFrom(uuidText(digits.slice(FIRST_BYTE.length, end)));
  const hashes = digits.slice(end).match(HASH) ?? [];
  const delivered = new Set(hashes);
  const isWhole = delivered.size * HASH_DIGITS === digits.length - end;
  return floor !== null && isWhole ? { floor, delivered } : null;
}
