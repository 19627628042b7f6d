import type { Clock } from '../../application/ports/clock.ts';

/** The host's sources of time, in milliseconds. */
export interface TimeSources {
  /** The wall clock: whole milliseconds since 1970; it steps when the host's time is set. */
  readonly wall: () => number;
  /** The monotonic clock: milliseconds since an arbitrary start, with a fraction; it never steps. */
  readonly monotonic: () => number;
}

/**
 * A clock with microseconds, made from two clocks of the host: the wall clock, which is correct but has whole
 * milliseconds, and the monotonic clock, which has fractions but drifts. The result follows the monotonic clock. When
 * it leaves the wall clock's millisecond, it is corrected to the edge of that millisecond, so the two always differ by
 * less than a millisecond.
 */
export function makeClock({ wall, monotonic }: TimeSources = HOST_TIME): Clock {
  let offset = wall() - monotonic();
  const clock: Clock = {
    now() {
      const millisecond = wall();
      const monotonicNow = monotonic();
      offset = alignedOffset(offset, { wall: millisecond, monotonic: monotonicNow });
      return millisecond * 1000 + Math.floor((monotonicNow + offset - millisecond) * 1000);
    },
    latest: () => clock.now(),
  };
  return clock;
}

/**
 * The offset that, added to the monotonic clock, gives a time within the wall clock's millisecond: `offset` if it does
 * that, otherwise the offset that gives the nearer edge of that millisecond.
 */
export function alignedOffset(
  offset: number,
  instant: { readonly wall: number; readonly monotonic: number },
): number {
  const { wall, monotonic } = instant;
  const fraction = monotonic + offset - wall;
  if (fraction < 0) return wall - monotonic;
  return fraction >= 1 ? wall - monotonic + 0.999 : offset;
}

/** The sources of a host that has both clocks. */
export const HOST_TIME: TimeSources = { wall: () => Date.now(), monotonic: () => performance.now() };

/**
 * The sources of a host that only has a wall clock, in whole milliseconds, which does not advance while a request runs.
 * It is also used as the monotonic clock, so only a measurement can detect a step.
 */
export function coarseTime(wall: () => number = () => Date.now()): TimeSources {
  const clock = makeCoarseClock(wall);
  return { wall, monotonic: () => clock.now() / 1_000 };
}

/**
 * A clock for hosts that only have whole milliseconds, or whose time does not advance while a request runs. Each
 * millisecond gets a random microsecond, so that processes rarely have the same one.
 */
export function makeCoarseClock(
  wall: () => number = () => Date.now(),
  random: () => number = Math.random,
): Clock {
  let millisecond = -1;
  let microsecond = 0;
  const clock: Clock = {
    now() {
      const now = wall();
      if (now !== millisecond) {
        millisecond = now;
        microsecond = Math.floor(random() * 1000);
      }
      return millisecond * 1000 + microsecond;
    },
    latest: () => clock.now(),
  };
  return clock;
}
