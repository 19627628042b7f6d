import { types } from 'cassandra-driver';
import type { ConversationId, EventId, Position } from '../../domain/ids.ts';
import { microsecondsOf, millisecondsOf, thousandthOf } from '../../domain/time.ts';

/**
 * The partitioning of messages by time. It is part of the stored data: with another number, earlier rows would not be
 * found.
 */

/** The length of a bucket: thirty days of one conversation. */
const BUCKET_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * The bucket of `position`. The boundaries of each conversation's buckets are shifted by a hash of its id, so that not all
 * conversations start a new partition at the same time.
 */
export function bucketOf(conversationId: ConversationId, position: Position): number {
  return bucketAt(conversationId, millisecondsOf(position));
}

/** The bucket of a time in milliseconds since 1970. */
export function bucketAt(conversationId: ConversationId, milliseconds: number): number {
  return Math.floor((milliseconds + shiftOf(conversationId)) / BUCKET_MS);
}

/** 0 to BUCKET_MS. The last digits of every UUID are random or a hash, in all versions. */
function shiftOf(conversationId: ConversationId): number {
  return parseInt(conversationId.slice(-8), 16) % BUCKET_MS;
}

/**
 * The write timestamp with which the earliest start of a conversation wins, in any order of writes: minus the nanoseconds
 * of `created`. Microseconds are not enough, since of two equal timestamps Cassandra keeps the larger id.
 */
export function firstWriteWins(created: EventId): ReturnType<typeof types.Long.fromString> {
  const nanoseconds = BigInt(microsecondsOf(created)) * 1000n + BigInt(thousandthOf(created));
  return types.Long.fromString(String(-nanoseconds));
}
