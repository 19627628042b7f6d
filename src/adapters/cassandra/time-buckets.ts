import { types } from 'cassandra-driver';
import type { ConversationId, EventId, Position } from '../../domain/ids.ts';
import { microsecondsOf, millisecondsOf, thousandthOf } from '../../domain/time.ts';

/**
 * How time is cut into partitions. It is part of the stored shape: another number here would not find what was written
 * before.
 */

/** A bucket of messages is thirty days of one conversation. */
const BUCKET_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * The bucket in which `position` lies. The borders of each conversation's buckets are shifted by a hash of its id, so
 * that not all conversations begin a new partition in the same instant.
 */
export function bucketOf(conversationId: ConversationId, position: Position): number {
  return bucketAt(conversationId, millisecondsOf(position));
}

/** The bucket that the time `milliseconds` since 1970 lies in. */
export function bucketAt(conversationId: ConversationId, milliseconds: number): number {
  return Math.floor((milliseconds + shiftOf(conversationId)) / BUCKET_MS);
}

/** 0 to BUCKET_MS. The end of every UUID is random or a hash, whatever its version. */
function shiftOf(conversationId: ConversationId): number {
  return parseInt(conversationId.slice(-8), 16) % BUCKET_MS;
}

/**
 * The write timestamp with which the first start of a conversation wins, whoever writes last: minus the nanoseconds of
 * `created`, since of two equal timestamps Cassandra would keep the larger id.
 */
export function firstWriteWins(created: EventId): ReturnType<typeof types.Long.fromString> {
  const nanoseconds = BigInt(microsecondsOf(created)) * 1000n + BigInt(thousandthOf(created));
  return types.Long.fromString(String(-nanoseconds));
}
