import type { Clock } from '../../application/ports/clock.ts';

/** The host's sources of time, in milliseconds. */
export interface TimeSources {
  /** Milliseconds since 1970, whole; steps when the host is corrected. */
  readonly wall: () => number;
  /** Milliseconds since some start, with a fraction; never steps. */
  readonly steady: () => number;
}

/**
 * A clock of microseconds out of two that hosts have: the wall clock, which is right but whole, and the steady
 * one, which is fine but drifts. The steady one runs on from the last agreement and is drawn back to the edge
 * of the wall clock's millisecond whenever it has left it, so the two never differ by a millisecond or more.
 */
export function makeClock(
  { wall, steady }: TimeSources = { wall: () => Date.now(), steady: () => performance.now() },
): Clock {
  let offset = wall() - steady();
  return {
    now() {
      const millisecond = wall();
      const fine = steady();
      const fraction = fine + offset - millisecond;
      if (fraction < 0 || fraction >= 1) offset = millisecond - fine + (fraction < 0 ? 0 : 0.999);
      return millisecond * 1000 + Math.floor((fine + offset - millisecond) * 1000);
    },
  };
}

/**
 * A clock for hosts that show whole milliseconds only, or hold time still while a request runs: each
 * millisecond begins at a random microsecond, so that processes seldom meet in one.
 */
export function makeCoarseClock(
  wall: () => number = () => Date.now(),
  random: () => number = Math.random,
): Clock {
  let millisecond = -1;
  let microsecond = 0;
  return {
    now() {
      const now = wall();
      if (now !== millisecond) {
        millisecond = now;
        microsecond = Math.floor(random() * 1000);
      }
      return millisecond * 1000 + microsecond;
    },
  };
}
