import { randomInt } from 'node:crypto';
import type { Microseconds } from '../../src/domain/time.ts';
import { idAt, MILLISECOND } from './cast.ts';
import type { messageIdsContract, MessageIdsSubject } from './message-ids.ts';
import type { Saboteurs } from './saboteurs.ts';

/** Ids at the time that `timeFor` makes of what the clock shows and of the last one. */
function idsBy(timeFor: (now: Microseconds, last: Microseconds) => Microseconds): () => MessageIdsSubject {
  return () =>
    ({ clock }) => {
      let last = 0;
      return { next: () => idAt((last = timeFor(clock.now(), last))) };
    };
}

const trusting = { how: 'trusts the clock', makeSubject: idsBy((now) => now) };

export const messageIdsSaboteurs: Saboteurs<typeof messageIdsContract, MessageIdsSubject> = {
  'ids increase strictly while the clock stands still, as at the edge it does while a request is served': [
    trusting,
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
    trusting,
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
  'ids increase strictly when the clock steps back': [trusting],
  'an id is at the time of the clock, once that is after the last id': [
    { how: 'counts on by itself', makeSubject: idsBy((now, last) => (last === 0 ? now : last + 1)) },
  ],
};
