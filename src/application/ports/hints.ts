import type { UserId } from '../../domain/ids.ts';

/**
 * Hints that a user has new events. A hint carries no data: it makes open streams and waiting polls read the event log
 * at once instead of at their next interval. So a lost hint delays an event, but never loses it.
 */
export interface Hints {
  /** Publishes a hint for each of `userIds`. Never fails, never waits. */
  publish(userIds: readonly UserId[]): void;

  /**
   * Calls `listener` for each hint for `userId`. The returned function unsubscribes. `listener` must not throw.
   */
  subscribe(userId: UserId, listener: () => void): () => void;
}
