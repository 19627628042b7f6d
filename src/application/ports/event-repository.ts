import type { Event } from '../../domain/event.ts';
import type { Position, UserId } from '../../domain/ids.ts';

/** The event log of each user: the events of their conversations within the retention of events. */
export interface EventRepository {
  /**
   * The position above which the logs hold every event: older events have expired, or were lost before a restore. It
   * increases with time. Never fails, never waits.
   */
  completeSince(): Position;

  /**
   * At most `limit` events of a user strictly above `after`, oldest first; never more than 1,000. Every message that was
   * acknowledged to its sender has an event: one with the message's id and, if the message became visible late, a second
   * one with the id of its late event. An event may be listed before its message is acknowledged.
   */
  listAfter(userId: UserId, after: Position, limit: number): Promise<readonly Event[]>;
}
