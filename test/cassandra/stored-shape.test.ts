import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'cassandra-driver';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionOptions } from '../../src/adapters/cassandra/connect.ts';
import { findEntries } from '../../src/adapters/cassandra/inbox.ts';
import { makeSession } from '../../src/adapters/cassandra/session.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { UserId } from '../../src/domain/ids.ts';
import {
  appendAll,
  conversationOf,
  DAY,
  forEachConcurrently,
  freshKey,
  freshUser,
  freshUsers,
  HOUR,
  idAt,
  MINUTE,
  NOON,
  appendRequest,
  SECOND,
  conversationIdFor,
} from '../contracts/fixtures.ts';
import { timelessClock } from '../support/memory-storage.ts';
import { playToBoth, scripts } from '../support/scripts.ts';
import { tables } from '../support/tables.ts';
import { freshKeyspace, openClient, openStorage } from './cluster.ts';

/** Long enough for hundreds of commands and traced reads on a busy host. */
const TIMEOUT_MS = 180_000;

/** Cassandra's trace of `query`. */
async function traceOf(client: Client, query: string, params: unknown[]): Promise<string[]> {
  const { info } = await client.execute(query, params, { prepare: true, traceQuery: true });
  const trace = await client.metadata.getTrace(info.traceId);
  return (trace.events as { activity: string }[]).map(({ activity }) => activity);
}

/** The number of SSTables that a read has used. */
function sstablesIn(steps: readonly string[]): number {
  return new Set(steps.flatMap((step) => / for sstable ([\w-]+)/.exec(step)?.[1] ?? [])).size;
}

/** Flushes the memtables of `table`, and waits until a read uses the SSTables. */
async function flush(client: Client, table: string, key: string, value: string): Promise<void> {
  await client.execute(`ALTER TABLE ${table} WITH memtable_flush_period_in_ms = 500`, [], { prepare: false });
  for (;;) {
    const steps = await traceOf(client, `SELECT * FROM ${table} WHERE ${key} = ?`, [value]);
    if (
      steps.some(
        (step) => /sstable [1-9]|[1-9]\d* sstables|sstable [\w-]+/i.test(step) && !/\b0 sstables/.test(step),
      )
    )
      break;
    await pause(100);
  }
}

/** A group that is sent to, and whose members join and leave, so many that some are in `former_members`. */
async function useGroup([here, there]: readonly [Storage, Storage]): Promise<void> {
  const ids = makeMessageIds({ clock: makeClock() });
  const participants = Array.from({ length: 80 }, freshUser).sort();
  const [creatorId, ...others] = participants as [UserId, ...UserId[]];
  const group = { created: ids.next(), creatorId, participants, name: null, idempotencyKey: freshKey() };
  const created = await here.groups.create(group);
  if (created.outcome === 'key_reused') return expect.fail();
  const { id: conversationId } = created;
  const sendToGroup = async (): Promise<void> => {
    const message = {
      id: ids.next(),
      conversationId,
      senderId: creatorId,
      receiverId: null,
      content: 'Hello',
      editId: null,
      deletionId: null,
    };
    await there.messages.append({ message, participants: [creatorId], idempotencyKey: null, isLive: true });
    const change = { conversationId, messageId: message.id, participants: [] };
    await here.messages.edit({ ...change, editId: ids.next(), content: 'Edited' });
    await there.messages.delete({ ...change, deletionId: ids.next() });
    for (const userId of [creatorId, ...others.slice(0, 2)]) {
      await here.readPositions.mark({ userId, conversationId, upTo: message.id });
    }
  };
  await sendToGroup();
  for (const userId of others) await here.groups.leave(conversationId, userId, ids.next());
  for (const userId of others.slice(0, 5)) await there.groups.join(conversationId, userId, ids.next());
  await here.groups.rename(conversationId, 'Renamed', ids.next());
  await sendToGroup();
}

describe('the stored shape', () => {
  it('keeps the earliest creation, for any order of writes and any SSTable', async () => {
    const options = await freshKeyspace();
    const client = await openClient(options);
    const storage = await openStorage(options);
    const users = freshUsers();
    const begun = (minutes: number) => conversationOf(users, idAt(NOON + minutes * MINUTE));
    const [late, early, later] = [begun(20), begun(10), begun(30)];
    const { id } = late;
    await storage.conversations.start(late);
    await flush(client, 'conversations', 'conversation_id', id);
    await storage.conversations.start(early);
    expect((await storage.conversations.find(id))?.created).toBe(early.created);
    await flush(client, 'conversations', 'conversation_id', id);
    await storage.conversations.start(later);
    expect((await storage.conversations.find(id))?.created).toBe(early.created);
    await storage.close();
  });

  it(
    'holds no tombstone after sends, repeats, starts, moves, edits, deletions and random commands',
    async () => {
      const options = await freshKeyspace();
      const client = await openClient(options);
      const storages = [await openStorage(options), await openStorage(options)] as const;
      const [anna, ben] = freshUsers();
      const [carl] = freshUsers();
      const moves = Array.from({ length: 100 }, (_, n) =>
        appendRequest(n % 2 ? [anna, ben] : [ben, anna], idAt(NOON + n * 7 * HOUR), `message ${n}`),
      );
      await appendAll(storages, [...moves, ...moves]);
      await storages[0].conversations.start(conversationOf([anna, carl], idAt(NOON - DAY)));
      await appendAll(storages, [appendRequest([carl, anna], idAt(NOON + SECOND))]);
      const found = await storages[0].conversations.listByUser(anna, { before: null, offset: 0, limit: 100 });
      expect(found).toHaveLength(2);
      for (const { conversationId, lastEventId } of found) {
        const mark = { userId: anna, conversationId, upTo: lastEventId };
        for (const { readPositions } of storages) expect(await readPositions.mark(mark)).toBe(lastEventId);
      }
      const late = { ...appendRequest([carl, anna], idAt(NOON)), isLive: true };
      await storages[1].messages.append(late);

      const change = ({ message, participants }: typeof late) => {
        const { conversationId, id: messageId } = message;
        return { conversationId, messageId, participants };
      };
      for (const [n, one] of [late, ...moves.slice(0, 20), ...moves.slice(-20)].entries()) {
        const { messages } = storages[n % 2 === 0 ? 0 : 1];
        await messages.edit({ ...change(one), editId: idAt(NOON + DAY), content: 'edited' });
        if (n % 2 === 0) await messages.delete({ ...change(one), deletionId: idAt(NOON + 2 * DAY) });
      }

      await storages[0].messages.append({
        ...appendRequest([anna, ben], idAt(NOON + DAY)),
        idempotencyKey: freshKey(),
      });
      await useGroup(storages);
      // Random commands use every table, also those of new use cases.
      const player = await openStorage(options, undefined, timelessClock());
      await playToBoth([player, player], fc.sample(scripts(60), { seed: 1, numRuns: 4 }).flat());

      const reads: [string, unknown[]][] = [];
      for (const { name, partitionKey } of tables()) {
        const partitions = await client.execute(`SELECT DISTINCT ${partitionKey.join(', ')} FROM ${name}`);
        // A table that is empty is not checked here.
        expect(partitions.rowLength, name).toBeGreaterThan(0);
        const where = partitionKey.map((column) => `${column} = ?`).join(' AND ');
        for (const row of partitions.rows) {
          reads.push([
            `SELECT * FROM ${name} WHERE ${where}`,
            partitionKey.map((column) => row[column] as unknown),
          ]);
        }
      }
      const traces: string[][] = [];
      await forEachConcurrently(
        reads,
        async ([query, params], index) => {
          traces[index] = await traceOf(client, query, params);
        },
        8,
      );
      for (const [index, [query]] of reads.entries()) {
        const counts = traces[index]!.filter((step) => step.includes(' live rows and '));
        expect(counts.length, query).toBeGreaterThan(0);
        for (const count of counts) {
          expect(count, query).toMatch(/Read [1-9]\d* live rows and 0 tombstone cells/);
        }
      }
      await Promise.all([...storages, player].map((storage) => storage.close()));
    },
    TIMEOUT_MS,
  );

  it('finds inbox positions in only the newest SSTable, even after read marks', async () => {
    const options = await freshKeyspace();
    const client = await openClient(options);
    const storage = await openStorage(options);
    const anna = freshUser();
    const friends = Array.from({ length: 20 }, freshUser);
    const table = 'conversations_by_user';
    await client.execute(
      `ALTER TABLE ${table} WITH compaction = {'class': 'LeveledCompactionStrategy', 'enabled': 'false'}`,
    );
    /** Flushes what was written into one more SSTable, the one of number `count`. */
    const flushed = async (count: number): Promise<void> => {
      const query = `SELECT * FROM ${table} WHERE user_id = ?`;
      await client.execute(`ALTER TABLE ${table} WITH memtable_flush_period_in_ms = 100`);
      while (sstablesIn(await traceOf(client, query, [anna])) < count) await pause(100);
      await client.execute(`ALTER TABLE ${table} WITH memtable_flush_period_in_ms = 0`);
    };
    const receiveFromAll = async (minutes: number): Promise<void> => {
      const sent = friends.map((friend) => appendRequest([friend, anna], idAt(NOON + minutes * MINUTE)));
      await appendAll([storage, storage], sent);
    };
    const ids = friends.map((friend) => conversationIdFor(friend, anna));

    await receiveFromAll(0);
    await flushed(1);
    for (const conversationId of ids) {
      await storage.readPositions.mark({ userId: anna, conversationId, upTo: idAt(NOON + DAY) });
    }
    await flushed(2);
    await receiveFromAll(1);
    await flushed(3);

    const lookUp = async (columns: string): Promise<number> => {
      const query = `SELECT ${columns} FROM ${table} WHERE user_id = ? AND conversation_id IN ?`;
      return sstablesIn(await traceOf(client, query, [anna, ids]));
    };
    const queries: string[] = [];
    const session = makeSession(client, () => true, sessionOptions(options));
    const recording = {
      ...session,
      read: (query: string, params: readonly unknown[]) => (queries.push(query), session.read(query, params)),
    };
    expect(await findEntries(recording, anna, ids)).toHaveLength(ids.length);
    const [, columns = ''] = /SELECT (.*?) FROM/.exec(queries[0] ?? '') ?? [];
    expect(await lookUp(columns)).toBe(1);
    // With the read position, which is older, it is all of them.
    expect(await lookUp(`${columns}, read_up_to`)).toBe(3);
    await storage.close();
  });
});
