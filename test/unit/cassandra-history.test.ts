import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HistoryReader } from '../../src/adapters/cassandra/history.ts';
import type { Row, Session } from '../../src/adapters/cassandra/session.ts';
import { bucketAt, bucketOf } from '../../src/adapters/cassandra/time-buckets.ts';
import type { ConversationId, MessageId, Position } from '../../src/domain/ids.ts';
import { contentBytesOf } from '../../src/domain/message.ts';
import { MAX_PAGE_BYTES } from '../../src/domain/page.ts';
import { messageIdAt } from '../../src/domain/time.ts';

const CONVERSATION = '0b5ad6b2-3a58-5f0e-9c1e-6f4c9a2d7e10' as ConversationId;
const NOW_MS = Date.UTC(2026, 5, 15);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const BUCKET_MS = 30 * DAY_MS;

/** The cost of reading a page. */
interface Cost {
  queries: number;
  rows: number;
  bytes: number;
  /** The maximum rows of one round of parallel queries. */
  bytesAtOnce: number;
}

interface Stored {
  readonly id: MessageId;
  /** Null in a row with only the marker `delivered` left. */
  readonly content: string | null;
}

/** A fake of the two history tables for one conversation, which answers queries and counts rows. */
class HistoryTables {
  /** Without rows that have only the marker. */
  readonly messages: readonly Stored[];
  readonly #byBucket = new Map<number, Stored[]>();
  readonly #listed: readonly number[];
  cost: Cost = { queries: 0, rows: 0, bytes: 0, bytesAtOnce: 0 };
  #inRound = 0;

  constructor(messages: readonly Stored[], unlisted: readonly number[] = []) {
    const rows = [...messages].sort((a, b) => (a.id > b.id ? -1 : 1));
    this.messages = rows.filter(({ content }) => content !== null);
    for (const message of rows) {
      const bucket = bucketOf(CONVERSATION, message.id);
      const rows = this.#byBucket.get(bucket);
      if (rows === undefined) this.#byBucket.set(bucket, [message]);
      else rows.push(message);
    }
    this.#listed = [...this.#byBucket.keys()]
      .filter((bucket) => !unlisted.includes(bucket))
      .sort((a, b) => b - a);
  }

  readonly reader = new HistoryReader({
    session: {
      read: (query: string, params: readonly unknown[]) => this.#read(query, params),
    } as unknown as Session,
    clock: { now: () => NOW_MS * 1_000 },
  });

  get rowsByBucket(): number[] {
    return [...this.#byBucket.values()].map(({ length }) => length);
  }

  /** Reads a page and its cost. */
  async page(before: Position | null, limit: number, offset = 0, maxBytes = Infinity) {
    this.cost = { queries: 0, rows: 0, bytes: 0, bytesAtOnce: 0 };
    const page = await this.reader.read(CONVERSATION, { before, offset, limit, maxBytes });
    return { ids: page.map(({ id }) => id), bytes: page.reduce((sum, one) => sum + contentBytesOf(one), 0) };
  }

  async #read(query: string, params: readonly unknown[]): Promise<Row[]> {
    this.cost.queries += 1;
    if (query.includes('buckets_by_conversation')) {
      const [, newest, limit] = params as [string, number, number];
      return this.#listed
        .filter((bucket) => bucket <= newest)
        .slice(0, limit)
        .map((bucket) => ({ bucket })) as unknown as Row[];
    }
    const [, bucket, below, limit] = params as [string, number, string, number];
    const found = (this.#byBucket.get(bucket) ?? []).filter(({ id }) => id < below).slice(0, limit);
    const whole = query.includes('content');
    this.cost.rows += found.length;
    const bytes = whole ? found.reduce((sum, { content }) => sum + (content?.length ?? 0), 0) : 0;
    this.cost.bytes += bytes;
    this.#inRound += bytes;
    this.cost.bytesAtOnce = Math.max(this.cost.bytesAtOnce, this.#inRound);
    // All queries of a round start before the first is answered.
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#inRound = 0;
    return found.map(({ id, content }) => ({
      message_id: id,
      sender_id: content === null ? null : 'a',
      receiver_id: content === null ? null : 'b',
      ...(whole && { content }),
      edit: null,
      deletion: null,
    })) as unknown as Row[];
  }
}

/** Messages at these times, each with `bytes` bytes of text. */
function messagesAt(times: readonly number[], bytes = 20): Stored[] {
  const content = 'x'.repeat(bytes);
  return times.map((time, index) => ({
    id: messageIdAt(Math.floor(time) * 1_000 + (index % 1_000), 0, index.toString(16).padStart(13, '0')),
    content,
  }));
}

const every = (step: number, count: number, from = NOW_MS - HOUR_MS): number[] =>
  Array.from({ length: count }, (_, index) => from - index * step);

/** The start of the current bucket. */
const BEGIN_MS = (() => {
  let time = NOW_MS;
  const bucket = bucketAt(CONVERSATION, NOW_MS);
  while (bucketAt(CONVERSATION, time - HOUR_MS) === bucket) time -= HOUR_MS;
  return time;
})();

const SHAPES: Readonly<Record<string, readonly number[]>> = {
  'a message every minute': every(60_000, 20_000),
  'a message a week for five years': every(7 * DAY_MS, 260),
  'a message a month for five years': every(BUCKET_MS, 60),
  'a message every three months for thirty years': every(3 * BUCKET_MS, 120),
  'bursts of 300 a year apart': Array.from({ length: 10 }, (_, year) =>
    every(1_000, 300, NOW_MS - HOUR_MS - year * 365 * DAY_MS),
  ).flat(),
  '20 full buckets below one of three messages': [
    ...every(HOUR_MS / 2, 3, NOW_MS - HOUR_MS),
    ...every(HOUR_MS, 20 * 720, BEGIN_MS - HOUR_MS),
  ],
  'quiet for ten years below one message': [
    NOW_MS - HOUR_MS,
    ...every(HOUR_MS, 500, NOW_MS - 3_650 * DAY_MS),
  ],
};

/** Walks the whole history by pages of `limit`: exact, and each page within its bounds. */
async function assertWalk(tables: HistoryTables, limit: number): Promise<void> {
  const ids: string[] = [];
  let before: Position | null = null;
  for (;;) {
    const page = await tables.page(before, limit);
    ids.push(...page.ids);
    const { queries, rows } = tables.cost;
    // The parallelism depends on the previous buckets; at first, sixteen buckets may return one row each.
    expect(rows, `rows of a page of ${limit}`).toBeLessThanOrEqual(3 * limit + 16);
    expect(queries, `queries of a page of ${limit}`).toBeLessThanOrEqual(2 * limit + 20);
    if (page.ids.length < limit) break;
    before = page.ids.at(-1) ?? null;
  }
  expect(ids).toEqual(tables.messages.map(({ id }) => id));
}

describe('a history', () => {
  describe.each(Object.entries(SHAPES))('of %s', (_, times) => {
    it.each([1, 21, 101])(
      'is exact by pages of %i, and reads at most about three times the rows',
      async (limit) => {
        await assertWalk(new HistoryTables(messagesAt(times).slice(0, 40 * limit)), limit);
      },
    );

    it('is exact from a cursor in the middle, and where a numbered page begins', async () => {
      const tables = new HistoryTables(messagesAt(times));
      const { messages } = tables;
      const middle = Math.floor(messages.length / 2);
      const before = messages[middle]?.id ?? null;
      expect((await tables.page(before, 21)).ids).toEqual(
        messages.slice(middle + 1, middle + 22).map(({ id }) => id),
      );
      expect((await tables.page(null, 21, 40)).ids).toEqual(messages.slice(40, 61).map(({ id }) => id));
    });
  });

  it('shows the messages of the likely bucket before it is listed', async () => {
    const likely = bucketAt(CONVERSATION, NOW_MS);
    const tables = new HistoryTables(messagesAt(every(DAY_MS, 100)), [likely]);
    await assertWalk(tables, 21);
  });

  it('skips markers without a message, with cursors and page numbers', async () => {
    for (const [gone, limit] of [
      [2, 1],
      [2, 21],
      [3, 50],
      [40, 21],
    ] as const) {
      const times = [...every(HOUR_MS, 300), ...every(3 * DAY_MS, 100, BEGIN_MS - HOUR_MS)];
      const rows = messagesAt(times).map((row, index) =>
        index % gone === 0 ? { ...row, content: null } : row,
      );
      const tables = new HistoryTables(rows);
      const expected = tables.messages.map(({ id }) => id);
      const ids: string[] = [];
      for (let before: Position | null = null; ids.length < expected.length;) {
        const page = await tables.page(before, limit);
        expect(page.ids.length).toBe(Math.min(limit, expected.length - ids.length));
        ids.push(...page.ids);
        before = page.ids.at(-1) ?? null;
      }
      expect(ids).toEqual(expected);
      expect((await tables.page(null, limit, 57)).ids).toEqual(expected.slice(57, 57 + limit));
    }
  });

  it('costs one query below a cursor if the bucket has the whole page, and the newest page two', async () => {
    const tables = new HistoryTables(messagesAt(SHAPES['a message every minute'] ?? []));
    const { ids } = await tables.page(null, 21);
    expect(tables.cost).toMatchObject({ queries: 2, rows: 21 });
    await tables.page(ids.at(-1) ?? null, 21);
    expect(tables.cost).toMatchObject({ queries: 1, rows: 21 });
  });

  it('is exact below a cursor at which a bucket begins', async () => {
    const times = [...every(HOUR_MS, 5), ...every(HOUR_MS, 100, BEGIN_MS - 1)];
    const tables = new HistoryTables(messagesAt(times));
    const before = messageIdAt(BEGIN_MS * 1_000, 0, '0'.repeat(13));
    const older = tables.messages.filter(({ id }) => id < before).map(({ id }) => id);
    expect(older).toHaveLength(100);
    expect((await tables.page(before, 21)).ids).toEqual(older.slice(0, 21));
  });

  it('shows messages of a newer bucket than that of now, as of hosts whose clocks were ahead', async () => {
    const ahead = every(HOUR_MS, 30, NOW_MS + 2 * BUCKET_MS);
    await assertWalk(new HistoryTables(messagesAt([...ahead, ...every(HOUR_MS, 100)])), 21);
  });

  it('is exact for a process whose clock is more than a hundred buckets behind', async () => {
    const tables = new HistoryTables(messagesAt(every(BUCKET_MS, 200, NOW_MS + 150 * BUCKET_MS)));
    const { ids } = await tables.page(null, 21, 90);
    expect(ids).toEqual(tables.messages.slice(90, 111).map(({ id }) => id));
    await assertWalk(tables, 150);
  });

  it('of a conversation without messages is empty and costs two queries', async () => {
    const tables = new HistoryTables([]);
    expect((await tables.page(null, 21)).ids).toEqual([]);
    expect(tables.cost).toMatchObject({ queries: 2, rows: 0 });
  });

  it('is exact and bounded for any distribution', async () => {
    const period = fc.record({
      gap: fc.integer({ min: 1, max: 400 }),
      messages: fc.integer({ min: 1, max: 150 }),
      step: fc.constantFrom(1, HOUR_MS, DAY_MS, 10 * DAY_MS),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(period, { maxLength: 12 }),
        fc.integer({ min: 1, max: 101 }),
        async (periods, limit) => {
          let time = NOW_MS;
          const times = periods.flatMap(({ gap, messages, step }) => {
            const first = time - gap * DAY_MS;
            time = first - messages * step;
            return every(step, messages, first);
          });
          await assertWalk(new HistoryTables(messagesAt(times)), limit);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a history of large messages', () => {
  const LARGE = 60_000;

  it.each([1, 3, 6, 12, 30])(
    'reads at most about 3 MB if the newest bucket has %i of them',
    async (newest) => {
      const times = [
        ...every(HOUR_MS / 20, newest, NOW_MS - HOUR_MS),
        ...every(4 * HOUR_MS, 20 * 180, BEGIN_MS - HOUR_MS),
      ];
      const tables = new HistoryTables(messagesAt(times, LARGE));
      let before: Position | null = null;
      for (let pages = 0; pages < 5; pages += 1) {
        const page = await tables.page(before, 101, 0, MAX_PAGE_BYTES);
        const { bytes, bytesAtOnce } = tables.cost;
        expect({ bytes: bytes < 4e6, bytesAtOnce: bytesAtOnce < 3e6 }, JSON.stringify(tables.cost)).toEqual({
          bytes: true,
          bytesAtOnce: true,
        });
        before = page.ids.at(-1) ?? null;
      }
    },
  );

  it('ends with the message that exceeds the byte limit', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 80_000 }), { minLength: 1, maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.constantFrom(1, HOUR_MS, 10 * DAY_MS), async (bytes, step) => {
        const times = every(step, bytes.length);
        const tables = new HistoryTables(
          messagesAt(times).map((message, index) => ({ ...message, content: 'x'.repeat(bytes[index] ?? 1) })),
        );
        let sum = 0;
        const beyond = tables.messages.findIndex(
          ({ content }) => (sum += content?.length ?? 0) > MAX_PAGE_BYTES,
        );
        const expected = tables.messages.slice(0, beyond < 0 ? 101 : Math.min(beyond + 1, 101));
        const { ids } = await tables.page(null, 101, 0, MAX_PAGE_BYTES);
        expect(ids).toEqual(expected.map(({ id }) => id));
      }),
      { numRuns: 60 },
    );
  });

  it('is never cut on a numbered page', async () => {
    const tables = new HistoryTables(messagesAt(every(HOUR_MS, 300), LARGE));
    const { ids } = await tables.page(null, 100, 100);
    expect(ids).toEqual(tables.messages.slice(100, 200).map(({ id }) => id));
  });
});
