import type { Event } from '../../domain/event.ts';
import type { Position, UserId } from '../../domain/ids.ts';

/** The event log of each user: what happened in their conversations within the retention of events. */
export interface EventRepository {
  /**
   * The place above which the logs hold every event: the older ones have expired, or were lost before a restore. It rises
   * with time. Never fails, never waits.
   */
  completeSince(): Position;

  /**
   * At most `limit` events of a user strictly above `after`, oldest first; 1,000 at most. Every message that was acknowledged to its
   * sender has an event there, once by its own id and, where it became visible late, once more by its late event.
   * An event may be listed before its message is acknowledged.
   */
  listAfter(userId: UserId, after: Position, limit: number): Promise<readonly Event[]>;
}
