import type { EventId, Position } from './ids.ts';
import { positionAt, type Microseconds } from './time.ts';

/**
 * How far a client has followed an event log: a floor, and which events above it were delivered. An event with a smaller
 * id than a delivered one may still become visible, so the floor never rises above the time of a read less the
 * visibility window.
 */
export interface EventCursor {
  /** Every event at or below it was delivered. */
  readonly floor: Position;
  /** The hashes of the events above the floor that were delivered; see `eventHash`. */
  readonly delivered: ReadonlySet<string>;
}

/** The maximum number of hashes in a cursor that a client gets. */
export const MAX_HASHES = 500;

/** 64 bits that identify an event in its log, as 16 hexadecimal digits: the random half of its id. */
export function eventHash(id: EventId): string {
  return id.slice(19, 23) + id.slice(24);
}

/** The highest floor of a cursor for a log that is read at `now` or later: `window` is the visibility window. */
export function highestFloor(now: Microseconds, window: Microseconds): Position {
  return positionAt(Math.max(now - window, 0));
}

/** `cursor`, with its floor lowered to `highest` if it is above that: a cursor from a client may be wrong. */
export function clampCursor(cursor: EventCursor, highest: Position): EventCursor {
  return cursor.floor <= highest ? cursor : { ...cursor, floor: highest };
}

/**
 * `cursor` after all events of `passed` were delivered, now or earlier: the events of the log above its floor, in order and
 * without gap, up to the end of the log if `isEnd`.
 */
export function advanceCursor(
  cursor: EventCursor,
  read: {
    readonly passed: readonly EventId[];
    readonly isEnd: boolean;
    /** See `highestFloor`. */
    readonly highest: Position;
  },
): EventCursor {
  const { passed, isEnd, highest } = read;
  const last = passed.at(-1) ?? cursor.floor;
  const floor = isEnd || last > highest ? highest : last;
  const delivered = new Set(passed.filter((id) => id > floor).map(eventHash));
  if (!isEnd) {
    // Nothing changes in the part of the log that was not read.
    const isPassed = new Set(passed.map(eventHash));
    for (const hash of cursor.delivered) if (!isPassed.has(hash)) delivered.add(hash);
  }
  return { floor, delivered };
}
