import assert from 'node:assert/strict';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { MessageIds } from '../../src/application/ports/message-ids.ts';
import type { MessageId } from '../../src/domain/ids.ts';
import { microsecondsOf, type Microseconds } from '../../src/domain/time.ts';
import { HOUR, idAt, MILLISECOND, NOON } from './fixtures.ts';
import type { Contract } from './contract.ts';

/** Makes the ids of a process with this clock. Observed ids that are more than `maxClockSkew` ahead are ignored. */
export type MessageIdsSubject = (deps: {
  clock: Pick<Clock, 'now'>;
  maxClockSkew: Microseconds;
}) => MessageIds;

const MAX_CLOCK_SKEW: Microseconds = 2_000 * MILLISECOND;

/** The number of ids that are made while the clock stands still. */
const MANY = 5_000;

/** The ids from `make` while the clock shows these times. */
function idsAt(make: MessageIdsSubject, times: readonly Microseconds[]): MessageId[] {
  const left = times.values();
  const clock = { now: () => left.next().value ?? times.at(-1) ?? NOON };
  const ids = make({ clock, maxClockSkew: MAX_CLOCK_SKEW });
  return times.map(() => ids.next());
}

/** The id from `make` at `NOON` after it has observed an id made at `time`. */
function idAfterObserving(make: MessageIdsSubject, time: Microseconds): MessageId {
  const ids = make({ clock: { now: () => NOON }, maxClockSkew: MAX_CLOCK_SKEW });
  ids.next();
  ids.observe(idAt(time));
  return ids.next();
}

/** Asserts that ids increase by at least one microsecond, because their order and write times depend on it. */
function assertIncreasing(ids: readonly MessageId[]): void {
  for (const [index, id] of ids.entries()) {
    const before = ids[index - 1];
    if (before === undefined) continue;
    assert.ok(id > before, `${id} comes after ${before}`);
    assert.ok(microsecondsOf(id) > microsecondsOf(before), `${id} shares its microsecond with ${before}`);
  }
}

export const messageIdsContract = {
  'ids increase strictly while the clock stands still, as at the edge it does while a request is served':
    async (make) => {
      assertIncreasing(idsAt(make, Array<Microseconds>(MANY).fill(NOON)));
    },

  'ids increase strictly where the clock moves by whole milliseconds only': async (make) => {
    const times = Array.from({ length: MANY }, (_, n) => NOON + Math.floor(n / 1_500) * MILLISECOND);
    assertIncreasing(idsAt(make, times));
  },

  'ids increase strictly when the clock steps back': async (make) => {
    assertIncreasing(idsAt(make, [NOON, NOON + 1, NOON - HOUR, NOON - HOUR + 1, NOON - 2 * HOUR]));
  },

  'an id is at the time of the clock, once that is after the last id': async (make) => {
    const times = [NOON, NOON, NOON + MILLISECOND, NOON + HOUR];
    const [first, , third, fourth] = idsAt(make, times).map(microsecondsOf);
    assert.deepEqual([first, third, fourth], [NOON, NOON + MILLISECOND, NOON + HOUR]);
  },

  'an id is above every observed id, even if the clock is behind': async (make) => {
    for (const ahead of [1, MILLISECOND, MAX_CLOCK_SKEW - 1, MAX_CLOCK_SKEW]) {
      const observed = idAt(NOON + ahead);
      const next = idAfterObserving(make, NOON + ahead);
      assertIncreasing([observed, next]);
      assert.equal(microsecondsOf(next), NOON + ahead + 1);
    }
  },

  'ids stay above an observed id when the clock steps back': async (make) => {
    let now = NOON;
    const ids = make({ clock: { now: () => now }, maxClockSkew: MAX_CLOCK_SKEW });
    const observed = idAt(NOON + MILLISECOND);
    ids.observe(observed);
    now -= HOUR;
    assertIncreasing([observed, ids.next(), ids.next()]);
  },

  'an observed id further ahead of the clock than the allowed skew is ignored': async (make) => {
    for (const ahead of [MAX_CLOCK_SKEW + 1, HOUR, 10 * 365 * 24 * HOUR]) {
      assert.equal(microsecondsOf(idAfterObserving(make, NOON + ahead)), NOON + 1);
    }
  },

  'an observed id that is not above the last one changes nothing': async (make) => {
    for (const behind of [0, 1, HOUR]) {
      assert.equal(microsecondsOf(idAfterObserving(make, NOON - behind)), NOON + 1);
    }
  },
} satisfies Contract<MessageIdsSubject>;
