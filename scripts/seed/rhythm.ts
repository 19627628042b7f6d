import type { Microseconds } from '../../src/domain/time.ts';
import type { Random } from './random.ts';

export const SECOND: Microseconds = 1_000_000;
export const HOUR = 3_600 * SECOND;
export const DAY = 24 * HOUR;

/** How much is written in each hour of a day in UTC, against the other hours: busy days, quiet nights. */
const BY_HOUR = [4, 2, 1, 1, 1, 2, 6, 14, 20, 22, 22, 24, 30, 26, 22, 22, 24, 30, 36, 40, 40, 34, 22, 10];

/** How much is written on each day of a week, from Sunday. */
const BY_DAY = [13, 9, 9, 10, 10, 12, 14];

/** From the share of all that is written between two times to the time at which that share is reached. */
export type Rhythm = (share: number) => Microseconds;

/** The rhythm in which people write between `from` and `to`. */
export function rhythmOf(from: Microseconds, to: Microseconds): Rhythm {
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

/** Where in an exchange something is said. */
export type Part = 'opening' | 'answer' | 'closing';

/**
 * When `count` things are said before `to`, ascending: in exchanges of about `perExchange`, which begin in the
 * rhythm of `at` and in which one answer follows another within minutes, or faster where it would run into the
 * next exchange. It takes the same memory for any `count`.
 *
 * Like all that decides on times and ids here it only adds, subtracts, multiplies and divides, which come out the
 * same on every host; `Math.pow` and `Math.log` need not.
 */
export function* exchanges(asked: {
  count: number;
  perExchange: number;
  at: Rhythm;
  to: Microseconds;
  random: Random;
}): Generator<{ readonly time: Microseconds; readonly part: Part }> {
  const { count, perExchange, at, to, random } = asked;
  const all = Math.ceil(count / perExchange);
  let said = 0;
  let begins = at(random() / all);
  for (let index = 1; index <= all; index += 1) {
    const isLast = index === all;
    const nextBegins = isLast ? to : at((index + random()) / all);
    const saidThen = isLast ? count : Math.floor((count * (index - 0.5 + random())) / all);
    const pauses = Array.from({ length: saidThen - said }, () => pauseAfter(random));
    const haste = Math.min(1, (nextBegins - begins) / pauses.reduce((sum, pause) => sum + pause, 0));
    let time = begins;
    for (const [place, pause] of pauses.entries()) {
      yield { time: Math.floor(time), part: partAt(place, pauses.length) };
      time += pause * haste;
    }
    said = saidThen;
    begins = nextBegins;
  }
}

/** From five seconds to five minutes, mostly under one. */
function pauseAfter(random: Random): Microseconds {
  const chance = random();
  return (5 + 295 * chance * chance * chance) * SECOND;
}

function partAt(place: number, length: number): Part {
  if (place === 0) return 'opening';
  return place === length - 1 && length > 2 ? 'closing' : 'answer';
}
