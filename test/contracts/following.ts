import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { EventBatch, ListEvents, ListEventsQuery } from '../../src/application/list-events.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import { MAX_HASHES, type EventCursor } from '../../src/domain/event-cursor.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { Refusal } from '../../src/domain/refusal.ts';
import { microsecondsOf, positionAt, type Microseconds } from '../../src/domain/time.ts';
import {
  appendAll,
  conversationOf,
  freshUser,
  freshUsers,
  HOUR,
  idAt,
  idsOf,
  MINUTE,
  appendRequest,
  SECOND,
} from './fixtures.ts';
import type { Contract } from './contract.ts';

/** An event log and the use case that follows it, with a clock that a check moves. */
export interface FollowingSubject {
  readonly storage: Storage;
  readonly listEvents: ListEvents;
  readonly visibilityWindow: Microseconds;
  /** The time of both. */
  readonly now: () => Microseconds;
  readonly pass: (time: Microseconds) => void;
}

/** Lists as the JSON responses do, with the changes in `changed`. */
export function list(
  { listEvents }: FollowingSubject,
  userId: UserId,
  cursor: EventCursor | null,
  changed: Partial<ListEventsQuery> = {},
): Promise<EventBatch> {
  return listEvents({
    caller: SERVICE,
    userId,
    cursor,
    limit: 100,
    maxBytes: 1_048_576,
    maxHashes: MAX_HASHES,
    ...changed,
  });
}

const idsIn = ({ events }: EventBatch) => events.map(({ id }) => id);

/** The events up to the first empty batch, and the cursor after it. */
export async function listAll(
  subject: FollowingSubject,
  userId: UserId,
  cursor: EventCursor | null,
  changed: Partial<ListEventsQuery> = {},
): Promise<{ ids: string[]; cursor: EventCursor }> {
  const ids: string[] = [];
  for (let next = cursor; ;) {
    const batch = await list(subject, userId, next, changed);
    next = batch.cursor;
    if (batch.events.length === 0) return { ids, cursor: next };
    ids.push(...idsIn(batch));
    assert.ok(ids.length <= 10_000, 'following comes to an end');
    await turn();
  }
}

/** Sends a message to `userId` whose id is `age` old. */
async function arrive({ storage, now }: FollowingSubject, userId: UserId, age: Microseconds, content = 'Hi') {
  const sent = appendRequest([freshUser(), userId], idAt(now() - age), content);
  await storage.messages.append(sent);
  return sent.message;
}

async function assertRefused(code: string, answer: Promise<unknown>): Promise<void> {
  const error = await answer.then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(error instanceof Refusal, `refused: ${code}`);
  assert.equal(error.code, code);
}

/** The guarantees for a client that follows its events. */
export const followingContract = {
  'a new client gets no past events and all later ones': async (subject) => {
    const anna = freshUser();
    for (const age of [HOUR, MINUTE, 2 * SECOND, SECOND]) await arrive(subject, anna, age);
    const { events, cursor } = await list(subject, anna, null);
    assert.deepEqual(events, []);
    const next = [await arrive(subject, anna, 0), await arrive(subject, anna, 0)];
    assert.deepEqual(idsIn(await list(subject, anna, cursor)), idsOf(next));
  },

  'an event that becomes visible within the window is received, even after many later events': async (
    subject,
  ) => {
    const anna = freshUser();
    const { cursor: begun } = await list(subject, anna, null);
    const late = subject.visibilityWindow - SECOND;
    await arrive(subject, anna, 0);
    const first = await listAll(subject, anna, begun);
    assert.equal(first.ids.length, 1);
    let { cursor } = first;
    for (const age of [SECOND, 3 * SECOND, late, 2 * SECOND]) {
      const overtaken = await arrive(subject, anna, age);
      const more = await listAll(subject, anna, cursor);
      assert.deepEqual(more.ids, [overtaken.id]);
      ({ cursor } = more);
    }
  },

  'an event is delivered once to a client that continues from its cursors, at any time': async (subject) => {
    const anna = freshUser();
    let { cursor } = await list(subject, anna, null);
    const seen: string[] = [];
    const sent: string[] = [];
    for (let n = 0; n < 12; n += 1) {
      if (n < 8) sent.push((await arrive(subject, anna, (n % 3) * SECOND)).id);
      for (let again = 0; again < 2; again += 1) {
        const batch = await list(subject, anna, cursor);
        seen.push(...idsIn(batch));
        ({ cursor } = batch);
      }
      subject.pass(subject.visibilityWindow / 4);
    }
    assert.deepEqual(seen.sort(), sent.sort());
    assert.equal(
      cursor.delivered.size,
      0,
      'a cursor drops the hashes of events that are older than the window',
    );
  },

  'no event is skipped if there are more than a cursor can hold: the rest follows after the window': async (
    subject,
  ) => {
    const anna = freshUser();
    const { cursor: begun } = await list(subject, anna, null);
    const sent = Array.from({ length: MAX_HASHES + 130 }, (_, n) =>
      appendRequest([freshUser(), anna], idAt(subject.now() - 3 * SECOND + n)),
    );
    await appendAll([subject.storage, subject.storage], sent);
    const first = await listAll(subject, anna, begun);
    assert.ok(first.cursor.delivered.size <= MAX_HASHES);
    const overtaken = await arrive(subject, anna, 4 * SECOND);
    subject.pass(subject.visibilityWindow);
    const rest = await listAll(subject, anna, first.cursor);
    const expected = [overtaken, ...sent.map(({ message }) => message)].map(({ id }) => id).sort();
    assert.deepEqual([...first.ids, ...rest.ids].sort(), expected);
  },

  'a stream that keeps more hashes than its cursors hold repeats events after a disconnect, and skips none':
    async (subject) => {
      const anna = freshUser();
      const { cursor: begun } = await list(subject, anna, null);
      const sent = Array.from({ length: MAX_HASHES + 50 }, (_, n) =>
        appendRequest([freshUser(), anna], idAt(subject.now() - 3 * SECOND + n)),
      );
      await appendAll([subject.storage, subject.storage], sent);
      const { ids, cursor } = await listAll(subject, anna, begun, { maxHashes: 5_000 });
      assert.deepEqual(ids, idsOf(sent.map(({ message }) => message)).sort());
      // The returned cursor holds the newest hashes.
      const returned = { ...cursor, delivered: new Set([...cursor.delivered].slice(-MAX_HASHES)) };
      const again = await listAll(subject, anna, returned, { maxHashes: 5_000 });
      assert.deepEqual(again.ids, ids.slice(0, 50));
    },

  'a batch ends at its limit or before its content is too long, and the next batch continues there': async (
    subject,
  ) => {
    const anna = freshUser();
    const { cursor: begun } = await list(subject, anna, null);
    const sent: string[] = [];
    for (let n = 0; n < 8; n += 1) sent.push((await arrive(subject, anna, 0, 'x'.repeat(100 * (n + 1)))).id);
    for (const limit of [1, 3, 8]) {
      const batch = await list(subject, anna, begun, { limit });
      assert.deepEqual(idsIn(batch), sent.slice(0, limit));
      assert.equal(batch.isComplete, limit === 8);
      assert.deepEqual((await listAll(subject, anna, begun, { limit })).ids, sent);
    }
    for (const maxBytes of [1, 350, 800]) {
      const batch = await list(subject, anna, begun, { maxBytes });
      assert.ok(batch.events.length < 8 && batch.events.length > 0);
      assert.deepEqual((await listAll(subject, anna, begun, { maxBytes })).ids, sent);
    }
  },

  'a batch goes on past the events of an earlier membership, which it leaves out': async (subject) => {
    const { storage, pass, now } = subject;
    const users = [freshUser(), freshUser(), freshUser()] as const;
    const [anna, ben] = users;
    const { cursor: begun } = await list(subject, anna, null);
    const nextId = () => {
      pass(SECOND / 1_000);
      return idAt(now());
    };
    const { message: template } = appendRequest([ben, anna], nextId());
    const profile = { name: null, creatorId: ben, idempotencyKey: null };
    const group = await storage.groups.create({
      ...profile,
      created: nextId(),
      participants: participantsOf(...users),
    });
    assert.ok(group.outcome === 'created');
    for (let n = 0; n < 23; n += 1) {
      const message = { ...template, id: nextId(), conversationId: group.id, receiverId: null };
      const request = {
        message,
        participants: participantsOf(...users),
        idempotencyKey: null,
        isLive: false,
      };
      await storage.messages.append(request);
    }
    await storage.groups.leave(group.id, anna, nextId());
    await storage.groups.join(group.id, anna, nextId());
    const typesIn = ({ events }: EventBatch) => events.map(({ type }) => type);
    assert.deepEqual(typesIn(await list(subject, anna, begun, { limit: 5 })), ['conversation.created']);
    // The number that one call leaves out has a bound.
    let batch = await list(subject, anna, begun, { limit: 1 });
    assert.deepEqual([batch.events, batch.isComplete], [[], false]);
    for (let calls = 0; calls < 5 && batch.events.length === 0; calls += 1)
      batch = await list(subject, anna, batch.cursor, { limit: 1 });
    assert.deepEqual(typesIn(batch), ['conversation.created']);
  },

  'an event contains the whole message or the conversation that it reports': async (subject) => {
    const [anna, ben] = freshUsers();
    const { cursor } = await list(subject, anna, null);
    const conversation = conversationOf([anna, ben], idAt(subject.now() - 2));
    await subject.storage.conversations.start(conversation);
    const message = await arrive(subject, anna, 0, 'Long and 🧑🏽‍🚀'.repeat(100));
    const { events } = await list(subject, anna, cursor);
    assert.deepEqual(events, [
      {
        id: conversation.created,
        type: 'conversation.created',
        summary: {
          conversation,
          lastMessage: null,
          readPositions: conversation.participants.map((userId) => ({ userId, readUpTo: null })),
        },
      },
      { id: message.id, type: 'message.created', message },
    ]);
  },

  'a message that became visible late is received as its late event, by clients that had passed its own time':
    async (subject) => {
      const anna = freshUser();
      subject.pass(HOUR);
      const { cursor } = await list(subject, anna, null);
      const late = { ...appendRequest([freshUser(), anna], idAt(subject.now() - HOUR)), isLive: true };
      await subject.storage.messages.append(late);
      const { events } = await list(subject, anna, cursor);
      assert.deepEqual(
        events.map((event) => event.type === 'message.created' && event.message),
        [late.message],
      );
    },

  'a cursor is accepted as far back as the log is complete, and refused if it is older': async (subject) => {
    const anna = freshUser();
    const edge = microsecondsOf(subject.storage.events.completeSince());
    const cursorAt = (time: Microseconds) => ({ floor: positionAt(time), delivered: new Set<string>() });
    await assert.doesNotReject(list(subject, anna, cursorAt(edge + MINUTE)));
    await assertRefused('cursor_expired', list(subject, anna, cursorAt(edge - MINUTE)));
  },

  'a cursor from the future counts as a cursor of now': async (subject) => {
    const anna = freshUser();
    const floor = positionAt(subject.now() + HOUR);
    const sent = await arrive(subject, anna, SECOND);
    const batch = await list(subject, anna, { floor, delivered: new Set() });
    assert.deepEqual(idsIn(batch), [sent.id]);
    assert.ok(microsecondsOf(batch.cursor.floor) <= subject.now() - subject.visibilityWindow);
  },
} satisfies Contract<FollowingSubject>;
