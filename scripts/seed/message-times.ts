import type { Microseconds } from '../../src/domain/time.ts';
import type { Random } from './random.ts';

export const SECOND: Microseconds = 1_000_000;
export const HOUR = 3_600 * SECOND;
export const DAY = 24 * HOUR;

/** The relative number of messages in each hour of a day in UTC: many by day, few by night. */
const BY_HOUR = [4, 2, 1, 1, 1, 2, 6, 14, 20, 22, 22, 24, 30, 26, 22, 22, 24, 30, 36, 40, 40, 34, 22, 10];

/** The relative number of messages on each day of a week, from Sunday. */
const BY_DAY = [13, 9, 9, 10, 10, 12, 14];

/** Maps a share (0–1) of all messages in a period to the time at which that share is reached. */
export type Activity = (share: number) => Microseconds;

/** The activity between `from` and `to`. */
export function activityBetween(from: Microseconds, to: Microseconds): Activity {
  const hours = Math.ceil((to - from) / HOUR);
  const writtenBefore = new Float64Array(hours + 1);
  for (let index = 0; index < hours; index += 1) {
    const hour = new Date((from + index * HOUR) / 1000);
    const written = (BY_HOUR[hour.getUTCHours()] ?? 0) * (BY_DAY[hour.getUTCDay()] ?? 0);
    writtenBefore[index + 1] = (writtenBefore[index] ?? 0) + written;
  }
  const all = writtenBefore[hours] ?? 0;

  return (share) => {
    const written = share * all;
    let low = 0;
    let high = hours - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((writtenBefore[middle] ?? 0) <= written) low = middle;
      else high = middle - 1;
    }
    const before = writtenBefore[low] ?? 0;
    const within = (written - before) / ((writtenBefore[low + 1] ?? 0) - before);
    return Math.min(from + Math.floor((low + within) * HOUR), to);
  };
}

/** The part of an exchange that a message belongs to. */
export type Part = 'opening' | 'answer' | 'closing';

/**
 * The times of `count` messages before `to`, ascending. They form exchanges of about `perExchange` messages. Exchanges
 * start as `at` distributes them; within an exchange, messages follow each other within minutes, or faster if the next
 * exchange would start before the end of this one. The memory use does not depend on `count`.
 *
 * Like all code here that computes times and ids, it only adds, subtracts, multiplies and divides: the results are the
 * same on every host. Those of `Math.pow` and `Math.log` may differ.
 */
export function* exchanges(parameters: {
  count: number;
  perExchange: number;
  at: Activity;
  to: Microseconds;
  random: Random;
}): Generator<{ readonly time: Microseconds; readonly part: Part }> {
  const { count, perExchange, at, to, random } = parameters;
  const all = Math.ceil(count / perExchange);
  let countSoFar = 0;
  let startsAt = at(random() / all);
  for (let index = 1; index <= all; index += 1) {
    const isLast = index === all;
    const nextStartsAt = isLast ? to : at((index + random()) / all);
    const countAfter = isLast ? count : Math.floor((count * (index - 0.5 + random())) / all);
    const pauses = Array.from({ length: countAfter - countSoFar }, () => pauseAfter(random));
    const scale = Math.min(1, (nextStartsAt - startsAt) / pauses.reduce((sum, pause) => sum + pause, 0));
    let time = startsAt;
    for (const [position, pause] of pauses.entries()) {
      yield { time: Math.floor(time), part: partAt(position, pauses.length) };
      time += pause * scale;
    }
    countSoFar = countAfter;
    startsAt = nextStartsAt;
  }
}

/** A pause from five seconds to five minutes, mostly under one minute. */
function pauseAfter(random: Random): Microseconds {
  const chance = random();
  return (5 + 295 * chance * chance * chance) * SECOND;
}

function partAt(position: number, length: number): Part {
  if (position === 0) return 'opening';
  return position === length - 1 && length > 2 ? 'closing' : 'answer';
}
