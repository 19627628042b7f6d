import { types } from 'cassandra-driver';
import type { MessageId, Position } from '../../domain/ids.ts';
import { microsecondsOf, millisecondsOf, thousandthOf } from '../../domain/time.ts';

/**
 * How time is cut into partitions and rows. All of it is part of the stored shape: another number here would not
 * find what was written before.
 */

/** The widths of an inbox's slots, in milliseconds, from the finest level to the coarsest. */
export const SLOT_WIDTHS = [10_000, 600_000, 43_200_000, 2_592_000_000] as const;

/** The levels of an inbox's slots, from the finest to the coarsest. */
export const LEVELS = [0, 1, 2, 3] as const;
export type Level = (typeof LEVELS)[number];
export const FINEST = LEVELS[0];
export const COARSEST = LEVELS[3];

/** A bucket of messages is as long as a slot of the coarsest level: thirty days. */
const BUCKET_WIDTH = SLOT_WIDTHS[3];

/** Places asked for may lie in a year that no slot number reaches; all of them lie above what is stored. */
const LARGEST_INT = 0x7fff_ffff;

/** The bucket that the time `milliseconds` lies in. */
export function bucketAt(milliseconds: number): number {
  return Math.floor(milliseconds / BUCKET_WIDTH);
}

/** The bucket that `position` lies in. */
export function bucketOf(position: Position): number {
  return bucketAt(millisecondsOf(position));
}

/** The slot of `level` that the time `milliseconds` lies in. */
export function slotAt(level: Level, milliseconds: number): number {
  return Math.min(Math.floor(milliseconds / SLOT_WIDTHS[level]), LARGEST_INT);
}

/** The first millisecond of a slot. */
export function startOf(level: Level, slot: number): number {
  return slot * SLOT_WIDTHS[level];
}

/**
 * The write timestamp with which the earliest beginning of a conversation wins, whoever writes last: minus the
 * nanoseconds of `created`, since of two equal timestamps Cassandra would keep the larger id.
 */
export function earliestWins(created: MessageId): ReturnType<typeof types.Long.fromString> {
  const nanoseconds = BigInt(microsecondsOf(created)) * 1000n + BigInt(thousandthOf(created));
  return types.Long.fromString(String(-nanoseconds));
}
