import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { openCassandraStorage, type CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { bucketOf } from '../../src/adapters/cassandra/time-buckets.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { Overload } from '../../src/application/overload.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { EventId, MessageId, UserId } from '../../src/domain/ids.ts';
import {
  freshKey,
  freshUser,
  freshUsers,
  HOUR,
  idAt,
  now,
  appendRequest,
  MILLISECOND,
  SECOND,
  conversationIdFor,
  top,
} from '../contracts/fixtures.ts';
import { logOf } from '../contracts/event-repository.ts';
import { guardedLog } from '../support/log-leak-guard.ts';
import { freshKeyspace, openClient, openStorage } from './cluster.ts';
import { FaultyClient, type WriteOutcome } from './faulty-client.ts';

let options: CassandraOptions;

beforeAll(async () => {
  options = await freshKeyspace();
  // The first process writes the state of the event log, so that the processes below need not.
  await (await openStorage(options)).close();
});

/** A process with its own time and without background retries. */
async function open({
  ahead = 0,
  outcomes: outcomes = [],
}: { ahead?: number; outcomes?: readonly WriteOutcome[] } = {}): Promise<CassandraStorage> {
  const host = makeClock();
  const clock: Clock = { now: () => host.now() + ahead, latest: () => host.latest() + ahead };
  const storage = openCassandraStorage({
    options,
    clock,
    messageIds: makeMessageIds({ clock }),
    log: guardedLog,
    withinLimit: () => Promise.reject(new Overload()),
    client: new FaultyClient(options, outcomes[Symbol.iterator]()),
  });
  onTestFinished(() => storage.close());
  await storage.started;
  return storage;
}

/** A send between two new users, as a client repeats it. */
function aSend(age = 0): AppendRequest {
  return { ...appendRequest(freshUsers(), idAt(now() - age), 'Hello', freshKey()), isLive: true };
}

/** The same send with another id, like a repeat. */
function again(request: AppendRequest): AppendRequest {
  return { ...request, message: { ...request.message, id: idAt(now()) } };
}

async function newsOf(
  storage: CassandraStorage,
  { message, participants }: AppendRequest,
): Promise<EventId[]> {
  const log = await logOf(storage, participants[0]!);
  return log.flatMap((event) =>
    event.type === 'message.created' && event.messageId === message.id ? [event.id] : [],
  );
}

/** Waits until a message is marked as delivered, which its send does not wait for. */
async function untilDelivered({ message: { conversationId, id } }: AppendRequest): Promise<void> {
  const client = await openClient(options);
  await expect
    .poll(async () => {
      const { rows } = await client.execute(
        'SELECT delivered FROM messages_by_conversation WHERE conversation_id = ? AND bucket = ? AND message_id = ?',
        [conversationId, bucketOf(conversationId, id), id],
        { prepare: true },
      );
      return rows[0]?.['delivered'] as boolean | null;
    })
    .toBe(true);
}

/** `count` applied writes, then a lost one: the marker. */
function losingMarkerAfter(count: number): WriteOutcome[] {
  return [...Array.from({ length: count }, (): WriteOutcome => 'answered'), 'lost'];
}

describe('a repeat long after the first attempt', () => {
  it('changes nothing if the message was delivered', async () => {
    const [first, later] = [await open(), await open({ ahead: HOUR })];
    const send = aSend();
    await first.messages.append(send);
    await untilDelivered(send);
    for (let repeat = 0; repeat < 2; repeat += 1) {
      expect((await later.messages.append(again(send))).outcome).toBe('repeated');
      expect(await newsOf(first, send)).toEqual([send.message.id]);
    }
  });

  it('moves it once if the marker was lost', async () => {
    // The claim, the message, its bucket and conversation, and two inboxes.
    const [first, later] = [await open({ outcomes: losingMarkerAfter(5) }), await open({ ahead: HOUR })];
    const send = aSend();
    await first.messages.append(send);
    for (let repeat = 0; repeat < 3; repeat += 1) await later.messages.append(again(send));
    const news = await newsOf(first, send);
    expect(news).toHaveLength(2);
    const [entry] = await first.conversations.listByUser(send.participants[0]!, top(1));
    expect(entry?.lastEventId).toBe(news[1]);
  });

  it('replaces a late event that is late itself, as long as the message is not delivered', async () => {
    const send = aSend(HOUR);
    // As above, then the late event with its listing, and two inboxes again.
    const first = await open({ outcomes: losingMarkerAfter(9) });
    await first.messages.append(send);
    expect(await newsOf(first, send)).toHaveLength(2);
    // One more transaction, because the existing late event is replaced.
    const later = await open({ ahead: 2 * HOUR, outcomes: losingMarkerAfter(10) });
    await later.messages.append(again(send));
    const news = await newsOf(later, send);
    expect(news).toHaveLength(3);
    // Not late yet: the same event again, and then it is delivered.
    for (let repeat = 0; repeat < 3; repeat += 1) await later.messages.append(again(send));
    expect(await newsOf(later, send)).toEqual(news);
  });

  it('makes a late event if the first attempt stored the message and reached no inbox', async () => {
    // The claim, the message, its bucket and its conversation; then the two inboxes.
    const outcomes: WriteOutcome[] = ['answered', 'answered', 'answered', 'lost', 'lost'];
    const [failing, later] = [await open({ outcomes }), await open({ ahead: HOUR })];
    const send = aSend();
    const [anna] = send.participants as [UserId, UserId];
    const other = { ...appendRequest([freshUser(), anna], idAt(now() + SECOND)), isLive: true };
    await expect(failing.messages.append(send)).rejects.toEqual(
      expect.objectContaining({ kind: 'outcome_unknown' }),
    );
    await later.messages.append(other);
    expect(await newsOf(later, send)).toEqual([]);
    const repeated = await later.messages.append(again(send));
    expect(repeated).toEqual({ outcome: 'repeated', message: send.message });
    const news = await newsOf(later, send);
    expect(news).toHaveLength(2);
    const [entry] = await later.conversations.listByUser(anna, top(1));
    expect(entry).toMatchObject({ lastEventId: news[1], lastMessage: { messageId: send.message.id } });
  });

  it('completes a late event that another process has agreed on, whose clock is ahead', async () => {
    // The claim, the message, its bucket and conversation, two inboxes and the agreement; then its listing.
    const outcomes: WriteOutcome[] = [...Array.from({ length: 6 }, (): WriteOutcome => 'answered'), 'lost'];
    const [failing, behind] = [await open({ ahead: HOUR, outcomes }), await open()];
    const send = aSend();
    await expect(failing.messages.append(send)).rejects.toEqual(
      expect.objectContaining({ kind: 'outcome_unknown' }),
    );
    await behind.messages.append(again(send));
    for (const userId of send.participants) {
      const news = await logOf(behind, userId);
      expect(news).toHaveLength(2);
      const [entry] = await behind.conversations.listByUser(userId, top(1));
      expect(entry?.lastEventId).toBe(news[1]?.id);
    }
  });

  it('makes a message visible whose bucket was not listed; it was not acknowledged before', async () => {
    const [failing, later] = [await open({ outcomes: ['answered', 'answered', 'lost'] }), await open()];
    // Old enough that its bucket is not the likely one.
    const send = { ...aSend(100 * 24 * HOUR), isLive: false };
    await expect(failing.messages.append(send)).rejects.toBeInstanceOf(StorageFailure);
    const conversation = conversationIdFor(...send.participants);
    expect(await later.messages.listBefore(conversation, top(10))).toEqual([]);
    await later.messages.append(again(send));
    expect(await later.messages.listBefore(conversation, top(10))).toEqual([send.message]);
  });
});

it('a user who joins a group gets a message above the event of joining under its late event', async () => {
  const [ahead, storage] = [await open({ ahead: HOUR }), await open()];
  const [users, dora] = [[freshUser(), freshUser(), freshUser()].sort(), freshUser()];
  const [anna = expect.fail()] = users;
  const [created, joined, sent] = [3, 2, 1].map((age) => idAt(now() - age * MILLISECOND)) as [
    EventId,
    EventId,
    MessageId,
  ];
  const group = { created, creatorId: anna, participants: users, name: null, idempotencyKey: null };
  const result = await storage.groups.create(group);
  if (result.outcome === 'key_reused') return expect.fail();
  const { id: conversationId } = result;
  const changes = { content: 'Hello', editId: null, deletionId: null };
  const message = { id: sent, conversationId, senderId: anna, receiverId: null, ...changes };
  await ahead.messages.append({ message, participants: users, idempotencyKey: null, isLive: true });
  await storage.groups.join(conversationId, dora, joined);
  for (const userId of [...users, dora]) {
    const [entry] = await storage.conversations.listByUser(userId, top(1));
    expect(entry?.lastMessage?.messageId).toBe(sent);
    expect((await logOf(storage, userId)).at(-1)?.id).toBe(entry?.lastEventId);
    expect(entry?.lastEventId).not.toBe(sent);
  }
});

describe('a completion in the background', () => {
  it('changes nothing if a repeat has delivered the message in between', async () => {
    let attempts = 0;
    let begin = (): void => undefined;
    const delivered = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const host = makeClock();
    let ahead = 0;
    const clock: Clock = { now: () => host.now() + ahead, latest: () => host.latest() + ahead };
    const outcomes: WriteOutcome[] = ['answered', 'answered', 'answered', 'lost', 'answered'];
    const failing = openCassandraStorage({
      options,
      clock,
      messageIds: makeMessageIds({ clock }),
      log: guardedLog,
      withinLimit: async (work) => {
        await delivered;
        await work();
        attempts += 1;
      },
      client: new FaultyClient(options, outcomes[Symbol.iterator]()),
    });
    onTestFinished(() => failing.close());
    await failing.started;
    const send = aSend();
    await expect(failing.messages.append(send)).rejects.toBeInstanceOf(StorageFailure);
    const other = await open();
    await other.messages.append(again(send));
    await untilDelivered(send);
    ahead = HOUR;
    begin();
    await expect.poll(() => attempts).toBe(1);
    expect(await newsOf(other, send)).toEqual([send.message.id]);
  });

  it('of a process that was paused between making an id and writing makes a late event', async () => {
    const storage = await open();
    const send = { ...aSend(60 * SECOND), idempotencyKey: null };
    await storage.messages.append(send);
    const news = await newsOf(storage, send);
    expect(news).toHaveLength(2);
  });

  it('does not make events forever if the wall clock has stepped ahead', async () => {
    const host = makeClock();
    const clock: Clock = { now: () => host.now(), latest: () => host.now() + HOUR };
    let retries = 0;
    const storage = openCassandraStorage({
      options,
      clock,
      messageIds: makeMessageIds({ clock }),
      log: guardedLog,
      withinLimit: () => {
        retries += 1;
        return Promise.reject(new Overload());
      },
    });
    onTestFinished(() => storage.close());
    await storage.started;
    const send = { ...aSend(), idempotencyKey: null };
    await expect(storage.messages.append(send)).rejects.toEqual(
      expect.objectContaining({ kind: 'outcome_unknown' }),
    );
    await expect.poll(() => retries).toBeGreaterThan(0);
    expect((await newsOf(storage, send)).length).toBeLessThanOrEqual(4);
  });
});
