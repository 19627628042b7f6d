import type { EventBatch, ListEvents, ListEventsQuery } from '../../src/application/list-events.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { EventCursor } from '../../src/domain/event-cursor.ts';
import { positionAt, type Microseconds } from '../../src/domain/time.ts';
import { followingInMemory, followingOver, movingClock } from '../support/following.ts';
import { HOUR } from './fixtures.ts';
import type { followingContract, FollowingSubject } from './following.ts';
import { withBreakage, type Mutant, type Mutants } from './mutants.ts';

type List = (whole: ListEvents, query: ListEventsQuery, subject: FollowingSubject) => Promise<EventBatch>;

/** Lists in its own way. */
function listing(how: string, list: List): Mutant<FollowingSubject> {
  return {
    how,
    makeSubject: () => {
      const subject = followingInMemory();
      return { ...subject, listEvents: (query) => list(subject.listEvents, query, subject) };
    },
  };
}

/** Hands out its own cursors. */
function handingOut(
  how: string,
  cursorOf: (batch: EventBatch, query: ListEventsQuery, subject: FollowingSubject) => EventCursor,
): Mutant<FollowingSubject> {
  return listing(how, async (whole, query, subject) => {
    const batch = await whole(query);
    return { ...batch, cursor: cursorOf(batch, query, subject) };
  });
}

/** Goes by another window than that of the storage. */
function waiting(how: string, visibilityWindow: Microseconds): Mutant<FollowingSubject> {
  return {
    how,
    makeSubject: () => {
      const moving = movingClock();
      const whole = followingInMemory(moving);
      return { ...whole, listEvents: followingOver(whole.storage, moving, visibilityWindow).listEvents };
    },
  };
}

const upToNow = waiting('hands out cursors up to now', 0);
const tooShortWindow = waiting('waits for half of the window', 6_000_000);

const forgetful = handingOut('forgets what it has delivered', ({ cursor }) => ({
  ...cursor,
  delivered: new Set(),
}));

/** Asks for all content, and cuts it in its own way. */
function cutting(how: string, cut: (batch: EventBatch, query: ListEventsQuery) => EventBatch) {
  return listing(how, async (whole, query) =>
    cut(await whole({ ...query, limit: 1_000, maxBytes: Infinity }), query),
  );
}

export const followingSaboteurs: Mutants<typeof followingContract, FollowingSubject> = {
  'a client that begins gets nothing of the past, and all that follows': [
    listing('begins with the whole log', (whole, query, { now }) =>
      whole({
        ...query,
        cursor: query.cursor ?? { floor: positionAt(now() - 2 * HOUR), delivered: new Set() },
      }),
    ),
    handingOut('begins at the floor alone', ({ cursor }, query) =>
      query.cursor === null ? { ...cursor, delivered: new Set() } : cursor,
    ),
    listing('begins anew with each cursor', (whole, query) => whole({ ...query, cursor: null })),
  ],

  'an event is received whenever it becomes visible within the window, however many later ones were delivered':
    [upToNow, tooShortWindow],

  'an event is delivered once to a client that goes on by its cursors, at any time': [
    forgetful,
    handingOut('never forgets', ({ cursor }, query) => ({
      ...cursor,
      delivered: new Set([...(query.cursor?.delivered ?? []), ...cursor.delivered]),
    })),
    handingOut('never raises its floor', ({ cursor }, query) => ({
      ...cursor,
      floor: query.cursor?.floor ?? cursor.floor,
    })),
  ],

  'of more events than a cursor can hold none is skipped: the rest follows when the window has passed': [
    listing('takes what its cursor can’t hold for delivered', async (whole, query) => {
      const batch = await whole(query);
      if (batch.isComplete || batch.events.length > 0) return batch;
      return whole({ ...query, cursor: null, maxHashes: 100_000 });
    }),
    listing('holds as much as it takes', (whole, query) => whole({ ...query, maxHashes: 100_000 })),
    upToNow,
  ],

  'a stream that keeps more hashes than it hands out repeats events after a disconnect, and skips none': [
    listing('takes the hashes for all that was delivered', async (whole, query) => {
      const batch = await whole(query);
      const isResumed = query.cursor !== null && query.cursor.delivered.size >= 500;
      return isResumed ? { ...batch, events: [] } : batch;
    }),
  ],

  'a batch ends at its limit, or before its content is too long, and the next one goes on there': [
    cutting('lists more than asked', (batch) => batch),
    cutting('goes on behind what it has read', (batch, { limit }) => ({
      ...batch,
      events: batch.events.slice(0, limit),
      isComplete: batch.events.length <= limit,
    })),
    listing('skips what is too long', async (whole, query) => {
      const batch = await whole({ ...query, maxBytes: Infinity });
      let bytes = 0;
      const events = batch.events.filter((event) => {
        bytes += event.type === 'message.created' ? event.message.content.length : 0;
        return bytes <= query.maxBytes;
      });
      return { ...batch, events };
    }),
    listing('says that there is no more', async (whole, query) => ({
      ...(await whole(query)),
      isComplete: true,
    })),
  ],

  'an event holds what it reports: the whole message, or the conversation': [
    listing('shows a preview', async (whole, query) => {
      const batch = await whole(query);
      const events = batch.events.map((event) =>
        event.type === 'message.created'
          ? { ...event, message: { ...event.message, content: event.message.content.slice(0, 140) } }
          : event,
      );
      return { ...batch, events };
    }),
    listing('reports messages alone', async (whole, query) => {
      const batch = await whole(query);
      return { ...batch, events: batch.events.filter(({ type }) => type === 'message.created') };
    }),
  ],

  'a message that became visible late is received under its late event, by whoever had passed its own time': [
    {
      how: 'tells nobody of late messages',
      makeSubject: () => {
        const subject = followingInMemory();
        const { storage } = subject;
        return {
          ...subject,
          storage: withBreakage(storage, {
            messages: { append: (request) => storage.messages.append({ ...request, isLive: false }) },
          }),
        };
      },
    },
  ],

  'a cursor is taken as far back as the log is complete, and refused beyond': [
    listing('lists what is left of the log', async (whole, query, { now }) => {
      const { cursor } = query;
      const recent = positionAt(now() - 1_000_000_000_000);
      return whole(
        cursor !== null && cursor.floor < recent ? { ...query, cursor: { ...cursor, floor: recent } } : query,
      );
    }),
  ],

  'a cursor from the future is one of now': [
    listing('trusts every cursor', async (whole, query, { now }) => {
      const { cursor } = query;
      if (cursor === null || cursor.floor < positionAt(now())) return whole(query);
      return { events: [], cursor, isComplete: true };
    }),
  ],

  'events are shown to their user and to services, and to no one else': [
    listing('answers everyone', (whole, query) => whole({ ...query, caller: SERVICE })),
    listing('answers nobody but services', (whole, query) =>
      whole(
        query.caller.kind === 'user'
          ? { ...query, caller: { kind: 'user', userId: 'nobody' as typeof query.userId } }
          : query,
      ),
    ),
  ],
};

/** For the model: what skips an event now and then. */
export const skippingSaboteurs: readonly Mutant<FollowingSubject>[] = [upToNow, tooShortWindow];
