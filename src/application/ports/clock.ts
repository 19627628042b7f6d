import type { Microseconds } from '../../domain/time.ts';

/** The host's clock. */
export interface Clock {
  /** Now. May stand still, and may step back when the host is corrected. */
  now(): Microseconds;
}
