import { uuidText, type MessageId, type Position } from './ids.ts';

/**
 * The time in ids. A message id contains milliseconds since 1970 (48 bits), the microsecond within that millisecond
 * (0–999, in the twelve bits after the version), a random thousandth of that microsecond (0–999, in the ten bits after
 * the variant) and 52 random bits. The first three are `created_at` with nine digits, so a `created_at` that a client
 * sends back gives the exact position of the id in a list.
 */

/** Whole microseconds since 1970, UTC. Exact as a JavaScript number until the year 2255. */
export type Microseconds = number;

const ZERO_TAIL = '0'.repeat(13);

/** The id of a message made at `time`. `thousandth` is 0–999, `tail` is 13 hexadecimal digits; both are random. */
export function messageIdAt(time: Microseconds, thousandth: number, tail: string): MessageId {
  const milliseconds = Math.floor(time / 1000);
  return layout(milliseconds, time - milliseconds * 1000, thousandth, tail) as MessageId;
}

/** The first position at `time`: every id of that time or later lies above it. */
export function positionAt(time: Microseconds): Position {
  return messageIdAt(time, 0, ZERO_TAIL);
}

/** The time of `position` in milliseconds since 1970. */
export function millisecondsOf(position: Position): number {
  return parseInt(position.slice(0, 8), 16) * 0x1_0000 + parseInt(position.slice(9, 13), 16);
}

/** The time of `position` in microseconds since 1970: the write timestamp of all rows of its message. */
export function microsecondsOf(position: Position): Microseconds {
  return millisecondsOf(position) * 1000 + parseInt(position.slice(15, 18), 16);
}

/** The random thousandth of a microsecond in `position`, 0–999. */
export function thousandthOf(position: Position): number {
  return (parseInt(position.slice(19, 23), 16) >> 4) & 0x3ff;
}

/** The time of `position` in RFC 3339, UTC, with nine digits: `2026-01-31T09:30:00.123456789Z`. */
export function timestampOf(position: Position): string {
  return timestamp(microsecondsOf(position), thousandthOf(position));
}

/** `time` in the format of `timestampOf`; the last three digits are zero. */
export function timestampOfMicroseconds(time: Microseconds): string {
  return timestamp(time, 0);
}

/** The lowest position above `position`. */
export function positionAbove(position: Position): Position {
  const next = BigInt(`0x${position.replaceAll('-', '')}`) + 1n;
  return uuidText(next.toString(16).padStart(32, '0')) as Position;
}

const TIMESTAMP =
  /^(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(?:\.(\d{1,30}))?(?:[Zz]|([+\- ])([01]\d|2[0-3]):([0-5]\d))?$/;

/**
 * The lowest position at the time `text`: all items strictly before that time are below it. `text` is RFC 3339. Without
 * an offset it is UTC. A space before the offset is read as a plus sign, since URL decoding turns `+` into a space.
 * Digits beyond the ninth round up, so that items at the ninth digit, which are earlier, are below the result. Null if
 * `text` is not a valid time.
 */
export function positionAtTimestamp(text: string): Position | null {
  const parts = TIMESTAMP.exec(text);
  if (parts === null) return null;
  const [, date = '', hourAndMinute = '', second = '', fraction = '', sign, offsetHours, offsetMinutes] =
    parts;
  // Milliseconds since 1970 have no leap seconds: a leap second is read as the second after :59.
  const leap = second === '60';
  const local = Date.parse(`${date}T${hourAndMinute}:${leap ? '59' : second}.000Z`);
  // Date.parse accepts 30 February as a day in March.
  if (Number.isNaN(local) || new Date(local).toISOString().slice(0, 10) !== date) return null;
  const offset = sign === undefined ? 0 : (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
  const seconds = local - (sign === '-' ? -offset : offset) + (leap ? 1000 : 0);
  const beyondNinth = /[1-9]/.test(fraction.slice(9)) ? 1 : 0;
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0')) + beyondNinth;
  const milliseconds = seconds + Math.floor(nanoseconds / 1_000_000);
  if (milliseconds < 0) return layout(0, 0, 0, ZERO_TAIL);
  return layout(milliseconds, Math.floor(nanoseconds / 1000) % 1000, nanoseconds % 1000, ZERO_TAIL);
}

function layout(milliseconds: number, microsecond: number, thousandth: number, tail: string): Position {
  const time = milliseconds.toString(16).padStart(12, '0');
  const version = (0x7000 | microsecond).toString(16);
  // The two bits of the variant (10), then the thousandth, then the first digit of the tail.
  const variant = (0x800 | thousandth).toString(16) + tail.slice(0, 1);
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}-${tail.slice(1)}` as Position;
}

/** The date of the last timestamp: most timestamps of a page have the same one, and formatting it takes most of the time. */
const lastDate = { day: NaN, text: '' };

function timestamp(time: Microseconds, thousandth: number): string {
  const seconds = Math.floor(time / 1_000_000);
  const day = Math.floor(seconds / 86_400);
  if (day !== lastDate.day) {
    lastDate.text = new Date(seconds * 1_000).toISOString().slice(0, 10);
    lastDate.day = day;
  }
  const minutes = Math.floor(seconds / 60) - day * 1_440;
  const nanoseconds = (time - seconds * 1_000_000) * 1_000 + thousandth;
  return (
    `${lastDate.text}T${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}` +
    `.${String(1_000_000_000 + nanoseconds).slice(1)}Z`
  );
}

function twoDigits(number: number): string {
  return number < 10 ? `0${number}` : `${number}`;
}
