import { randomInt } from 'node:crypto';
import { microsecondsOf, type Microseconds } from '../../src/domain/time.ts';
import { idAt, MILLISECOND } from './fixtures.ts';
import type { messageIdsContract, MessageIdsSubject } from './message-ids.ts';
import type { Mutants } from './mutants.ts';

/** Ids at the time that `timeFor` computes from the clock and the last id. */
function idsBy(timeFor: (now: Microseconds, last: Microseconds) => Microseconds): () => MessageIdsSubject {
  return () =>
    ({ clock }) => {
      let last = 0;
      const next = () => idAt((last = timeFor(clock.now(), last)));
      return { next, observe: () => undefined };
    };
}

/** Correct ids, except that `lastFor` decides the effect of an observed id. */
function observingBy(
  lastFor: (seen: {
    time: Microseconds;
    last: Microseconds;
    now: Microseconds;
    skew: Microseconds;
  }) => Microseconds,
): () => MessageIdsSubject {
  return () =>
    ({ clock, maxClockSkew: skew }) => {
      let last = 0;
      return {
        next: () => idAt((last = Math.max(clock.now(), last + 1))),
        observe: (position) => {
          last = lastFor({ time: microsecondsOf(position), last, now: clock.now(), skew });
        },
      };
    };
}

const ignoresObserved = { how: 'observes nothing', makeSubject: observingBy(({ last }) => last) };

const trustsClock = { how: 'trusts the clock', makeSubject: idsBy((now) => now) };

export const messageIdsMutants: Mutants<typeof messageIdsContract, MessageIdsSubject> = {
  'ids increase strictly while the clock stands still, as at the edge it does while a request is served': [
    trustsClock,
    {
      how: 'leaves the order within a millisecond to chance',
      makeSubject: idsBy((now) => now - (now % MILLISECOND) + randomInt(1_000)),
    },
    {
      how: 'begins the millisecond again when it has run out of it',
      makeSubject: idsBy((now, last) => (last < now ? now : now + ((last + 1 - now) % MILLISECOND))),
    },
  ],
  'ids increase strictly where the clock moves by whole milliseconds only': [
    trustsClock,
    {
      how: 'goes back to the clock whenever that moves',
      makeSubject: () => {
        let shown = 0;
        return idsBy((now, last) => {
          const moved = now !== shown;
          shown = now;
          return moved ? now : last + 1;
        })();
      },
    },
  ],
  'ids increase strictly when the clock steps back': [trustsClock],
  'an id is at the time of the clock, once that is after the last id': [
    { how: 'continues from the last id', makeSubject: idsBy((now, last) => (last === 0 ? now : last + 1)) },
  ],
  'an id is above every observed id, even if the clock is behind': [
    ignoresObserved,
    {
      how: 'uses an observed id only if the clock has passed it',
      makeSubject: observingBy(({ time, last, now }) => (time <= now ? Math.max(time, last) : last)),
    },
    {
      how: 'goes on within the microsecond of the observed id',
      makeSubject: observingBy(({ time, last }) => Math.max(time - 1, last)),
    },
    {
      how: 'ignores an id at the very limit',
      makeSubject: observingBy(({ time, last, now, skew }) =>
        time < now + skew ? Math.max(time, last) : last,
      ),
    },
  ],
  'ids stay above an observed id when the clock steps back': [
    ignoresObserved,
    {
      how: 'forgets what it observed when the clock steps back',
      makeSubject:
        () =>
        ({ clock }) => {
          let seen = 0;
          let last = 0;
          const next = () => {
            const now = clock.now();
            last = Math.max(now, last + 1, now < seen - MILLISECOND ? 0 : seen + 1);
            return idAt(last);
          };
          return { next, observe: (position) => void (seen = microsecondsOf(position)) };
        },
    },
  ],
  'an observed id further ahead of the clock than the allowed skew is ignored': [
    {
      how: 'follows every id',
      makeSubject: observingBy(({ time, last }) => Math.max(time, last)),
    },
    {
      how: 'follows a later id up to the limit',
      makeSubject: observingBy(({ time, last, now, skew }) => Math.max(Math.min(time, now + skew), last)),
    },
  ],
  'an observed id that is not above the last one changes nothing': [
    {
      how: 'goes back to the observed id, and so counts from there',
      makeSubject:
        () =>
        ({ clock }) => {
          let last = 0;
          let seen = 0;
          const next = () => {
            last = seen > 0 ? seen + 1 : Math.max(clock.now(), last + 1);
            return idAt(last);
          };
          return { next, observe: (position) => void (seen = microsecondsOf(position)) };
        },
    },
  ],
};
