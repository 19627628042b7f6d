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
export function makeClock({ wall, steady }: TimeSources = HOST_TIME): Clock {
  let lead = wall() - steady();
  const clock: Clock = {
    now() {
      const millisecond = wall();
      const fine = steady();
      lead = alignedLead(lead, { wall: millisecond, steady: fine });
      return millisecond * 1000 + Math.floor((fine + lead - millisecond) * 1000);
    },
    latest: () => clock.now(),
  };
  return clock;
}

/**
 * What to add to the steady clock for a time within the wall clock's millisecond: `lead` where it does that, else the
 * one that is drawn to the nearer edge of that millisecond.
 */
export function alignedLead(
  lead: number,
  instant: { readonly wall: number; readonly steady: number },
): number {
  const { wall, steady } = instant;
  const fraction = steady + lead - wall;
  if (fraction < 0) return wall - steady;
  return fraction >= 1 ? wall - steady + 0.999 : lead;
}

/** The sources of a host that has both. */
export const HOST_TIME: TimeSources = { wall: () => Date.now(), steady: () => performance.now() };

/**
 * The sources of a host whose only clock is the wall clock, in whole milliseconds, which stands still while a request
 * runs. It takes the place of the steady one, so a step can only be found by measuring.
 */
export function coarseTime(wall: () => number = () => Date.now()): TimeSources {
  const clock = makeCoarseClock(wall);
  return { wall, steady: () => clock.now() / 1_000 };
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
