import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'cassandra-driver';
import { describe, expect, it } from 'vitest';
import {
  appendAll,
  conversationOf,
  DAY,
  freshUsers,
  HOUR,
  idAt,
  MINUTE,
  NOON,
  appendRequest,
  SECOND,
} from '../contracts/fixtures.ts';
import { freshKeyspace, openClient, openStorage } from './cluster.ts';

/** What Cassandra says that it did for `query`, step by step. */
async function traceOf(client: Client, query: string, params: unknown[]): Promise<string[]> {
  const { info } = await client.execute(query, params, { prepare: true, traceQuery: true });
  const trace = await client.metadata.getTrace(info.traceId);
  return (trace.events as { activity: string }[]).map(({ activity }) => activity);
}

/** Has Cassandra write the memtables of `table` to disk, and waits until a read finds them there. */
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

describe('the stored shape', () => {
  it('keeps the earliest beginning, whichever was written last and on whatever disk', async () => {
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

  it('holds no tombstone after sends, repeats, starts and moves', async () => {
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

    const conversation = moves[0]?.message.conversationId;
    const reads: [string, unknown[]][] = [
      ['SELECT * FROM buckets_by_conversation WHERE conversation_id = ?', [conversation]],
      ['SELECT * FROM conversations WHERE conversation_id = ?', [conversation]],
      ['SELECT * FROM conversations_by_user WHERE user_id = ?', [anna]],
      ['SELECT * FROM events_by_user WHERE user_id = ?', [anna]],
    ];
    const buckets = await client.execute(
      'SELECT bucket FROM buckets_by_conversation WHERE conversation_id = ?',
      [conversation],
    );
    for (const row of buckets.rows) {
      reads.push([
        'SELECT * FROM messages_by_conversation WHERE conversation_id = ? AND bucket = ?',
        [conversation, row['bucket']],
      ]);
    }
    for (const [query, params] of reads) {
      const steps = await traceOf(client, query, params);
      const counts = steps.filter((step) => step.includes(' live rows and '));
      expect(counts.length).toBeGreaterThan(0);
      for (const count of counts) expect(count).toMatch(/Read [1-9]\d* live rows and 0 tombstone cells/);
    }
    await Promise.all(storages.map((storage) => storage.close()));
  });
});
