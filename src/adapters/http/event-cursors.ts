import { MAX_HASHES, type EventCursor } from '../../domain/event-cursor.ts';
import { messageIdFrom, uuidText, type UserId } from '../../domain/ids.ts';

/** The first byte: the version of the layout, and the kind of cursor. See `cursors.ts`. */
const FIRST_BYTE = '13';

const FLOOR_DIGITS = 32;
const HASH_DIGITS = 16;
const CHECKSUM_DIGITS = 8;

/** The format of every event cursor: 21 bytes, plus 8 bytes per hash, in base64url. */
export const EVENT_CURSOR_PATTERN = /^[A-Za-z0-9_-]{28,5362}$/;

/**
 * The text of `cursor` for the events of `userId`: base64url of the first byte, the floor, the hashes, and a checksum of
 * these and the user. It contains at most the last `MAX_HASHES` hashes, those of the newest events; the events of the other
 * hashes are delivered again. The checksum detects mistakes; a cursor grants no access.
 */
export function eventCursorText(userId: UserId, { floor, delivered }: EventCursor): string {
  const hashes = [...delivered].slice(-MAX_HASHES).join('');
  const digits = FIRST_BYTE + floor.replaceAll('-', '') + hashes;
  const bytes = (digits + checksumOf(userId, digits)).replace(/../g, (byte) =>
    String.fromCharCode(parseInt(byte, 16)),
  );
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The cursor that `text` encodes for the events of `userId`; null if it is malformed or belongs to another user. */
export function eventCursorFrom(userId: UserId, text: string): EventCursor | null {
  if (!EVENT_CURSOR_PATTERN.test(text) || text.length % 4 === 1) return null;
  let digits = '';
  for (const byte of atob(text.replaceAll('-', '+').replaceAll('_', '/'))) {
    digits += byte.charCodeAt(0).toString(16).padStart(2, '0');
  }
  const end = digits.length - CHECKSUM_DIGITS;
  const floor = messageIdFrom(uuidText(digits.slice(2, 2 + FLOOR_DIGITS)));
  if (floor === null) return null;
  const delivered = new Set<string>();
  for (let at = 2 + FLOOR_DIGITS; at < end; at += HASH_DIGITS) {
    delivered.add(digits.slice(at, Math.min(at + HASH_DIGITS, end)));
  }
  const cursor = { floor, delivered };
  // Encoding the cursor again gives the same text only if version, user and checksum are correct.
  return eventCursorText(userId, cursor) === text ? cursor : null;
}

/** 32-bit FNV-1a. */
function checksumOf(userId: UserId, digits: string): string {
  let hash = 0x811c9dc5;
  for (const unit of `${userId}\n${digits}`) {
    hash = Math.imul(hash ^ unit.charCodeAt(0), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(CHECKSUM_DIGITS, '0');
}
