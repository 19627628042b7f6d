import type {
  EventBatch,
  ListEvents,
  ListEventsQuery,
  ReportedEvent,
} from '../../src/application/list-events.ts';
import type { EventCursor } from '../../src/domain/event-cursor.ts';
import { positionAt, type Microseconds } from '../../src/domain/time.ts';
import { followingInMemory, followingOver, settableClock } from '../support/following.ts';
import type { FollowedSubject } from '../support/followed-state.ts';
import { HOUR } from './fixtures.ts';
import type { followingContract, FollowingSubject } from './following.ts';
import { withBreakage, type Mutant, type Mutants } from './mutants.ts';

type List = (correct: ListEvents, query: ListEventsQuery, subject: FollowingSubject) => Promise<EventBatch>;

/** Lists incorrectly. */
function listing(how: string, list: List): Mutant<FollowedSubject> {
  return {
    how,
    makeSubject: () => {
      const subject = followingInMemory();
      return { ...subject, listEvents: (query) => list(subject.listEvents, query, subject) };
    },
  };
}

/** Returns incorrect cursors. */
function withCursors(
  how: string,
  cursorOf: (batch: EventBatch, query: ListEventsQuery, subject: FollowingSubject) => EventCursor,
): Mutant<FollowingSubject> {
  return listing(how, async (correct, query, subject) => {
    const batch = await correct(query);
    return { ...batch, cursor: cursorOf(batch, query, subject) };
  });
}

/** Uses another visibility window than the storage. */
function waiting(how: string, visibilityWindow: Microseconds): Mutant<FollowedSubject> {
  return {
    how,
    makeSubject: () => {
      const moving = settableClock();
      const correct = followingInMemory(moving);
      return { ...correct, listEvents: followingOver(correct.storage, moving, visibilityWindow).listEvents };
    },
  };
}

const upToNow = waiting('returns cursors up to now', 0);
const tooShortWindow = waiting('uses half of the window', 6_000_000);

const withoutHashes = withCursors('forgets what it has delivered', ({ cursor }) => ({
  ...cursor,
  delivered: new Set(),
}));

/** Reads all content and truncates it incorrectly. */
function cutting(how: string, cut: (batch: EventBatch, query: ListEventsQuery) => EventBatch) {
  return listing(how, async (correct, query) =>
    cut(await correct({ ...query, limit: 1_000, maxBytes: Infinity }), query),
  );
}

export const followingMutants: Mutants<typeof followingContract, FollowingSubject> = {
  'a new client gets no past events and all later ones': [
    listing('begins with the whole log', (correct, query, { now }) =>
      correct({
        ...query,
        cursor: query.cursor ?? { floor: positionAt(now() - 2 * HOUR), delivered: new Set() },
      }),
    ),
    withCursors('begins at the floor without hashes', ({ cursor }, query) =>
      query.cursor === null ? { ...cursor, delivered: new Set() } : cursor,
    ),
    listing('starts again with each cursor', (correct, query) => correct({ ...query, cursor: null })),
  ],

  'an event that becomes visible within the window is received, even after many later events': [
    upToNow,
    tooShortWindow,
  ],

  'an event is delivered once to a client that continues from its cursors, at any time': [
    withoutHashes,
    withCursors('never forgets', ({ cursor }, query) => ({
      ...cursor,
      delivered: new Set([...(query.cursor?.delivered ?? []), ...cursor.delivered]),
    })),
    withCursors('never raises its floor', ({ cursor }, query) => ({
      ...cursor,
      floor: query.cursor?.floor ?? cursor.floor,
    })),
  ],

  'no event is skipped if there are more than a cursor can hold: the rest follows after the window': [
    listing('treats events that do not fit in its cursor as delivered', async (correct, query) => {
      const batch = await correct(query);
      if (batch.isComplete || batch.events.length > 0) return batch;
      return correct({ ...query, cursor: null, maxHashes: 100_000 });
    }),
    listing('returns cursors of any size', (correct, query) => correct({ ...query, maxHashes: 100_000 })),
    upToNow,
  ],

  'a stream that keeps more hashes than its cursors hold repeats events after a disconnect, and skips none': [
    listing('treats the hashes as all delivered events', async (correct, query) => {
      const batch = await correct(query);
      const isResumed = query.cursor !== null && query.cursor.delivered.size >= 500;
      return isResumed ? { ...batch, events: [] } : batch;
    }),
  ],

  'a batch ends at its limit or before its content is too long, and the next batch continues there': [
    cutting('ignores the limit', (batch) => batch),
    cutting('continues after events that it did not return', (batch, { limit }) => ({
      ...batch,
      events: batch.events.slice(0, limit),
      isComplete: batch.events.length <= limit,
    })),
    listing('skips content that is too long', async (correct, query) => {
      const batch = await correct({ ...query, maxBytes: Infinity });
      let bytes = 0;
      const events = batch.events.filter((event) => {
        bytes += event.type === 'message.created' ? (event.message.content ?? '').length : 0;
        return bytes <= query.maxBytes;
      });
      return { ...batch, events };
    }),
    listing('reports the end of the log too early', async (correct, query) => ({
      ...(await correct(query)),
      isComplete: true,
    })),
  ],

  'a batch goes on past the events of an earlier membership, which it leaves out': [
    listing('ends where it leaves out events', (correct, query) => correct({ ...query, limit: 1 })),
    listing('reads on until the end of the log', async (correct, query) => {
      let batch = await correct(query);
      while (batch.events.length === 0 && !batch.isComplete)
        batch = await correct({ ...query, cursor: batch.cursor });
      return batch;
    }),
  ],

  'an event contains the whole message or the conversation that it reports': [
    listing('shows a preview', async (correct, query) => {
      const batch = await correct(query);
      const events = batch.events.map((event) =>
        event.type === 'message.created'
          ? { ...event, message: { ...event.message, content: event.message.content?.slice(0, 140) ?? null } }
          : event,
      );
      return { ...batch, events };
    }),
    listing('reports only messages', async (correct, query) => {
      const batch = await correct(query);
      return { ...batch, events: batch.events.filter(({ type }) => type === 'message.created') };
    }),
  ],

  'a message that became visible late is received as its late event, by clients that had passed its own time':
    [
      {
        how: 'reports no late messages',
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

  'a cursor is accepted as far back as the log is complete, and refused if it is older': [
    listing('lists the rest of an incomplete log', async (correct, query, { now }) => {
      const { cursor } = query;
      const recent = positionAt(now() - 1_000_000_000_000);
      return correct(
        cursor !== null && cursor.floor < recent ? { ...query, cursor: { ...cursor, floor: recent } } : query,
      );
    }),
  ],

  'a cursor from the future counts as a cursor of now': [
    listing('trusts every cursor', async (correct, query, { now }) => {
      const { cursor } = query;
      if (cursor === null || cursor.floor < positionAt(now())) return correct(query);
      return { events: [], cursor, isComplete: true };
    }),
  ],
};

/** For the model: mutants that skip some events. */
export const skippingMutants: readonly Mutant<FollowedSubject>[] = [upToNow, tooShortWindow];

/** For the model of a device: mutants that report other events than those that happened. */
export const marklessMutants: readonly Mutant<FollowedSubject>[] = [
  listing('leaves out read positions', async (correct, query) => {
    const batch = await correct(query);
    return { ...batch, events: batch.events.filter(({ type }) => type !== 'conversation.read') };
  }),
  listing('leaves out starts of conversations', async (correct, query) => {
    const batch = await correct(query);
    return { ...batch, events: batch.events.filter(({ type }) => type !== 'conversation.created') };
  }),
  listing('leaves out changes of groups', async (correct, query) => {
    const batch = await correct(query);
    return { ...batch, events: batch.events.filter(({ type }) => type !== 'conversation.updated') };
  }),
  listing('adds no event for a user who leaves a group', async (correct, query) => {
    const batch = await correct(query);
    const isLeft = (event: ReportedEvent) =>
      event.type === 'conversation.updated' &&
      !event.summary.conversation.participants.includes(query.userId);
    return { ...batch, events: batch.events.filter((event) => !isLeft(event)) };
  }),
  listing('leaves out messages of groups', async (correct, query) => {
    const batch = await correct(query);
    const isInGroup = (event: ReportedEvent) =>
      event.type === 'message.created' && event.message.receiverId === null;
    return { ...batch, events: batch.events.filter((event) => !isInGroup(event)) };
  }),
  listing('reports only the first of some events', async (correct, query) => {
    const batch = await correct(query);
    return { ...batch, events: batch.events.slice(0, 3) };
  }),
];
