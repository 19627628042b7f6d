import assert from 'node:assert/strict';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { MessageIds } from '../../src/application/ports/message-ids.ts';
import type { MessageId } from '../../src/domain/ids.ts';
import { microsecondsOf, type Microseconds } from '../../src/domain/time.ts';
import { HOUR, MILLISECOND, NOON } from './cast.ts';
import type { Contract } from './contract.ts';

/** Makes the ids of a process that has this clock. */
export type MessageIdsSubject = (needs: { clock: Clock }) => MessageIds;

/** How many ids a request, or many at once, may take while a clock stands still. */
const MANY = 5_000;

/** What `make` gives one after another while the clock shows these times. */
function idsAt(make: MessageIdsSubject, times: readonly Microseconds[]): MessageId[] {
  const left = times.values();
  const ids = make({ clock: { now: () => left.next().value ?? times.at(-1) ?? NOON } });
  return times.map(() => ids.next());
}

/** Holds ids to increase by whole microseconds at least, which is what their order and their write times go by. */
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
} satisfies Contract<MessageIdsSubject>;
