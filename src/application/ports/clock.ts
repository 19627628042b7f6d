import type { Microseconds } from '../../domain/time.ts';

/** The clock of the service. */
export interface Clock {
  /** Now. May stand still, and may step back when the host is corrected. */
  now(): Microseconds;

  /**
   * The later of `now` and the host's wall clock, for measuring how old something is: it also counts the time for
   * which the whole host was paused. Where that wall clock is known to be wrong, the time of the others takes its place.
   */
  latest(): Microseconds;
}
