import type { Microseconds } from '../../domain/time.ts';

/** The clock of the service. */
export interface Clock {
  /** The current time. It may stand still, and may step back when the host's clock is corrected. */
  now(): Microseconds;

  /**
   * The later of `now` and the host's wall clock, for measuring the age of something: it includes the time during
   * which the whole host was paused. If the wall clock is known to be wrong, the time of the other hosts is used instead.
   */
  latest(): Microseconds;
}
