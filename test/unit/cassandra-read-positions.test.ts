import { types } from 'cassandra-driver';
import { describe, expect, it } from 'vitest';
import { CassandraReadPositionRepository } from '../../src/adapters/cassandra/read-position-repository.ts';
import { nameOf, type Row, type Session } from '../../src/adapters/cassandra/session.ts';
import { bucketOf } from '../../src/adapters/cassandra/time-buckets.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { EventId, MessageId } from '../../src/domain/ids.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import {
  appendRequest,
  conversationIdFor,
  DAY,
  freshUsers,
  idAt,
  MINUTE,
  NOON,
  now,
} from '../contracts/fixtures.ts';
import { memoryStorage, timelessClock } from '../support/memory-storage.ts';

const [anna, ben] = freshUsers();
const conversationId = conversationIdFor(anna, ben);
const last = idAt(NOON);
const NIL = '00000000-0000-0000-0000-000000000000';

/** The row of the conversation in anna's inbox; ben sent the last message. */
function rowAt(readUpTo: EventId | null): Row {
  return {
    conversation_id: conversationId,
    participants: [anna, ben].sort(),
    last_activity: new types.Tuple(last, NIL, last, ben, 'Hello'),
    read_up_to: readUpTo,
  } as unknown as Row;
}

/** The repository over a session that records statements by step: the statements of a step run in parallel. */
function recorded(
  answer: (query: string, params: readonly unknown[]) => readonly Row[],
  clock: Clock = timelessClock(),
) {
  const steps: string[][] = [];
  const queries: string[] = [];
  const params: (readonly unknown[])[] = [];
  let isStepOpen = false;
  const send = async (query: string, values: readonly unknown[]): Promise<readonly Row[]> => {
    if (!isStepOpen) steps.push([]);
    isStepOpen = true;
    steps.at(-1)?.push(nameOf(query));
    queries.push(query);
    params.push(values);
    await new Promise(setImmediate);
    isStepOpen = false;
    return answer(query, values);
  };
  const session = {
    read: send,
    writes: () => ({
      read: send,
      run: send,
      all: (parallel: readonly Promise<void>[]) => Promise.all(parallel).then(() => undefined),
    }),
  } as unknown as Session;
  const readPositions = new CassandraReadPositionRepository({
    session,
    clock,
    messageIds: makeMessageIds({ clock: { now: () => NOON } }),
    limits: { requestTimeout: 5_000_000, maxClockSkew: 2_000_000 },
    eventLog: { daysToKeep: 30 },
  });
  const mark = (upTo: EventId) => readPositions.mark({ userId: anna, conversationId, upTo });
  return { readPositions, mark, steps, queries, params };
}

const READ = ['SELECT conversations_by_user'];
const EVENTS = ['INSERT events_by_user', 'INSERT events_by_user'];
const WRITE = ['INSERT conversations_by_user'];

describe('a mark', () => {
  it('is four statements in three steps; the position is last, with its own microsecond as write time', async () => {
    const { mark, steps, params } = recorded(() => [rowAt(null)]);
    expect(await mark(last)).toBe(last);
    expect(steps).toEqual([READ, EVENTS, WRITE]);
    expect(params.at(-1)).toEqual([anna, conversationId, last, microsecondsOf(last)]);
  });

  it('that moves nothing is one read', async () => {
    const { mark, steps } = recorded(() => [rowAt(last)]);
    for (const upTo of [last, idAt(NOON - MINUTE), idAt(NOON + DAY)]) expect(await mark(upTo)).toBe(last);
    expect(steps).toEqual([READ, READ, READ]);
  });

  it('of a conversation that is not in the inbox is one read', async () => {
    const { mark, steps } = recorded(() => []);
    expect(await mark(last)).toBeNull();
    expect(steps).toEqual([READ]);
  });

  it('does not move the position while an event may be missing, so that a repeat writes it', async () => {
    const { mark, steps } = recorded((query, [userId]) => {
      if (query.includes('events_by_user') && userId === ben) throw new StorageFailure('outcome_unknown');
      return [rowAt(null)];
    });
    await expect(mark(last)).rejects.toMatchObject({ kind: 'outcome_unknown' });
    expect(steps).toEqual([READ, EVENTS]);
  });

  it('does not move it either if its event became visible late, because followers of the log may miss it', async () => {
    const clock = { now: () => NOON, latest: () => NOON + MINUTE };
    const { mark, steps } = recorded(() => [rowAt(null)], clock);
    await expect(mark(last)).rejects.toMatchObject({ kind: 'outcome_unknown' });
    expect(steps).toEqual([READ, EVENTS]);
  });
});

describe('a count of unread messages', () => {
  const message = (id: MessageId): Row =>
    ({ message_id: id, sender_id: ben, deletion: null }) as unknown as Row;
  const messages = Array.from({ length: 300 }, (_, n) => message(idAt(NOON - n)));

  /** A fake with 300 messages. */
  const answer = (query: string, params: readonly unknown[]): readonly Row[] => {
    if (query.includes('late_messages_by_conversation')) return [];
    if (query.includes('buckets_by_conversation')) {
      return [{ bucket: bucketOf(conversationId, last) } as unknown as Row];
    }
    const [, bucket, below, above, limit] = params as [string, number, string, string, number];
    return messages
      .filter((row) => {
        const id = row['message_id'] as MessageId;
        return id < below && id > above && bucketOf(conversationId, id) === bucket;
      })
      .slice(0, limit);
  };

  it('of one bucket is two queries in one step, each with at most a hundred rows and without content', async () => {
    const { readPositions, steps, queries, params } = recorded(answer);
    const entry = { conversationId, lastEventId: last, readUpTo: idAt(NOON - 200) };
    expect(await readPositions.countUnread(anna, entry)).toBe(100);
    expect(steps).toEqual([['SELECT messages_by_conversation', 'SELECT late_messages_by_conversation']]);
    for (const query of queries) expect(query).not.toContain('content');
    for (const values of params) expect(values.at(-1)).toBe(100);
  });

  it.each([
    [950, 60],
    [1_000, 0],
    [1_000, 99],
  ])(
    'is exact with %i deleted messages between two others and %i, in both storages',
    async (deleted, older) => {
      const sent = Array.from({ length: 2 + deleted + older }, (_, n) => ({
        id: idAt(NOON - n),
        isDeleted: n >= 2 && n < 2 + deleted,
      }));
      const expected = Math.min(2 + older, 100);
      const { readPositions } = recorded((query, params) => {
        if (!query.includes('messages_by_conversation')) return [];
        if (query.includes('late_messages')) return [];
        const [, bucket, below, above, limit] = params as [string, number, string, string, number];
        return sent
          .filter(({ id }) => id < below && id > above && bucketOf(conversationId, id) === bucket)
          .slice(0, limit)
          .map(({ id, isDeleted }) => ({ ...message(id), deletion: isDeleted ? id : null }));
      });
      const entry = { conversationId, lastEventId: sent[0]!.id, readUpTo: null };
      expect(await readPositions.countUnread(anna, entry), 'Cassandra').toBe(expected);

      const memory = memoryStorage();
      for (const { id, isDeleted } of sent) {
        const { message, participants } = appendRequest([ben, anna], id);
        await memory.messages.append({ ...appendRequest([ben, anna], id), isLive: false });
        if (!isDeleted) continue;
        const deletion = {
          conversationId: message.conversationId,
          messageId: id,
          participants,
          deletionId: idAt(now()),
        };
        await memory.messages.delete(deletion);
      }
      expect(await memory.readPositions.countUnread(anna, entry), 'memory').toBe(expected);
    },
  );

  it('is bounded without a position and with repeatedly listed late messages', async () => {
    const late = idAt(now());
    const listed = Array.from({ length: 100 }, (_, n) => ({ event_id: idAt(now() - n), sender_id: ben }));
    const { readPositions, steps } = recorded((query, params) => {
      if (!query.includes('late_messages_by_conversation')) return answer(query, params).slice(0, 50);
      const [, , below] = params as [string, string, string];
      return listed
        .filter(({ event_id }) => event_id < below)
        .map((row) => ({ ...row, message_id: late }) as unknown as Row);
    });
    const entry = { conversationId, lastEventId: idAt(now()), readUpTo: null };
    expect(await readPositions.countUnread(anna, entry)).toBe(51);
    expect(steps.flat().length).toBeLessThanOrEqual(6);
  });

  it('is bounded with any number of deleted late messages, and then not zero', async () => {
    const newest = now();
    const late = Array.from({ length: 3_000 }, (_, n) => ({
      event_id: idAt(newest - n),
      message_id: idAt(NOON - n),
      sender_id: ben,
      deletion: idAt(now()),
    }));
    const { readPositions, steps } = recorded((query, params) => {
      if (query.includes('buckets_by_conversation')) return [];
      if (query.includes('late_messages_by_conversation')) {
        const [, , below, limit] = params as [string, string, string, number];
        return late.filter(({ event_id }) => event_id < below).slice(0, limit) as unknown as Row[];
      }
      const ids = params.at(-1);
      return Array.isArray(ids)
        ? (late.filter(({ message_id }) => ids.includes(message_id)) as unknown as Row[])
        : [];
    });
    const entry = { conversationId, lastEventId: idAt(newest), readUpTo: null };
    expect(await readPositions.countUnread(anna, entry)).toBe(1);
    expect(steps.flat().length).toBeLessThanOrEqual(30);
  });
});
