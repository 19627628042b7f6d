import type { UserId } from '../../domain/ids.ts';

/**
 * Hints that a user has news. A hint carries no truth: it makes open streams and waiting polls read the event log at
 * once instead of at their next interval, so a lost hint delays an event and never loses it.
 */
export interface Hints {
  /** Says that there is news for each of `userIds`. Never fails, never waits. */
  publish(userIds: readonly UserId[]): void;

  /**
   * Calls `listener` for each hint for `userId`, also after a time in which hints may have been lost, until the function
   * that comes back is called. `listener` must not throw.
   */
  subscribe(userId: UserId, listener: () => void): () => void;
}
