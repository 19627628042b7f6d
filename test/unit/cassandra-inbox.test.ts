import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyHeadOf, headOf, readInbox } from '../../src/adapters/cassandra/inbox.ts';
import { LEVELS, type Level } from '../../src/adapters/cassandra/stored-time.ts';
import type { Row, Session, Statement } from '../../src/adapters/cassandra/session.ts';
import { UNWATCHED } from '../../src/application/ports/telemetry.ts';
import { positionOf } from '../../src/domain/conversation.ts';
import type { ConversationId, MessageId, Position, UserId } from '../../src/domain/ids.ts';
import { messageIdAt } from '../../src/domain/time.ts';

/**
 * The walk through an inbox, over a stand-in for the two tables that it reads: enough of Cassandra to keep one
 * user's rows by timestamp, to answer the walk's questions, and to count what they cost.
 */
class InboxTables implements Pick<Session, 'read'> {
  readonly #order = new Map<Level, Map<string, { slot: number; conversation_id: string }>>();
  readonly #heads = new Map<
    string,
    { head?: [bigint, unknown]; created?: [bigint, unknown]; participants: unknown }
  >();
  #sorted = new Map<Level, { slot: number; conversation_id: string }[]>();
  queries = 0;
  rowsRead = 0;
  /** Runs before each read, as whoever sends at the same time does. */
  meanwhile: () => void = () => undefined;

  write(statements: readonly Statement[]): void {
    for (const { query, params } of statements) {
      if (query.includes('conversation_order_by_user')) {
        const [, level, slot, conversation] = params as [string, Level, number, string];
        const rows = this.#order.get(level) ?? new Map<string, { slot: number; conversation_id: string }>();
        rows.set(`${slot} ${conversation}`, { slot, conversation_id: conversation });
        this.#order.set(level, rows);
        this.#sorted.delete(level);
        continue;
      }
      const [time, value, participants, , conversation] = params as [
        { toString(): string },
        unknown,
        unknown,
        string,
        string,
      ];
      const timestamp = BigInt(time.toString());
      const row = this.#heads.get(conversation) ?? { participants };
      const cell = query.includes('head =') ? 'head' : 'created';
      if ((row[cell]?.[0] ?? timestamp) <= timestamp) row[cell] = [timestamp, value];
      this.#heads.set(conversation, row);
    }
  }

  read(query: string, params: readonly unknown[]): Promise<Row[]> {
    this.meanwhile();
    this.queries += 1;
    const rows = query.includes('conversation_order_by_user')
      ? this.#readOrder(query, params)
      : this.#readHeads(params);
    this.rowsRead += rows.length;
    return Promise.resolve(rows as unknown as Row[]);
  }

  #readOrder(query: string, params: readonly unknown[]): object[] {
    const level = params[1] as Level;
    const rows =
      this.#sorted.get(level) ??
      [...(this.#order.get(level)?.values() ?? [])].sort(
        (a, b) => b.slot - a.slot || (b.conversation_id > a.conversation_id ? 1 : -1),
      );
    this.#sorted.set(level, rows);
    const limit = params.at(-1) as number;
    const [slot, conversation] = params.slice(2, -1) as [number?, string?];
    const first = rows.findIndex((row) => {
      if (slot === undefined) return true;
      if (conversation === undefined) return row.slot <= slot;
      return row.slot < slot || (row.slot === slot && row.conversation_id < conversation);
    });
    return first < 0 ? [] : rows.slice(first, first + limit);
  }

  #readHeads(params: readonly unknown[]): object[] {
    return (params[1] as string[]).flatMap((id) => {
      const row = this.#heads.get(id);
      return row === undefined
        ? []
        : [
            {
              conversation_id: id,
              participants: row.participants,
              head: row.head?.[1] ?? null,
              created: row.created?.[1] ?? null,
            },
          ];
    });
  }

  /** The whole inbox by the rule itself: one row for each conversation, sorted by its place. */
  expected(): string[] {
    return [...this.#heads.values()]
      .map(({ head, created }) =>
        String(head === undefined ? created?.[1] : (head[1] as { get(index: number): unknown }).get(0)),
      )
      .sort()
      .reverse();
  }
}

const OWNER = 'owner' as UserId;
const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 1) * 1000;

let serial = 0;
function idAt(microseconds: number): MessageId {
  serial += 1;
  return messageIdAt(Math.floor(microseconds), serial % 1000, serial.toString(16).padStart(13, '0'));
}

function conversation(number: number): ConversationId {
  // Scattered, as hashes are: the order of ids must not be the order of activity.
  const scattered = Math.imul(number + 1, 0x9e37_79b1) >>> 0;
  return `${scattered.toString(16).padStart(8, '0')}-0000-5000-8000-${number.toString(16).padStart(12, '0')}` as ConversationId;
}

function send(tables: InboxTables, number: number, microseconds: number): MessageId {
  const id = idAt(microseconds);
  const message = {
    id,
    conversationId: conversation(number),
    senderId: OWNER,
    receiverId: OWNER,
    content: 'hello',
  };
  tables.write(headOf(message, [OWNER], OWNER, LEVELS));
  return id;
}

function start(tables: InboxTables, number: number, microseconds: number): void {
  tables.write(
    emptyHeadOf({ id: conversation(number), participants: [OWNER], created: idAt(microseconds) }, OWNER),
  );
}

const watched = (tables: InboxTables) => ({ session: tables as unknown as Session, telemetry: UNWATCHED });

/** All pages of `limit`, each begun where the one before ended. */
async function pages(tables: InboxTables, limit: number): Promise<Position[]> {
  const positions: Position[] = [];
  let before: Position | null = null;
  for (;;) {
    const entries = await readInbox(watched(tables), OWNER, { before, skip: 0, limit });
    positions.push(...entries.map(positionOf));
    if (entries.length < limit) return positions;
    before = positions.at(-1) ?? null;
  }
}

const activity = fc.record({
  conversation: fc.nat({ max: 60 }),
  at: fc.oneof(
    fc.nat({ max: 5_000_000 }),
    fc.nat({ max: HOUR }),
    fc.nat({ max: DAY }),
    fc.nat({ max: 400 * DAY }),
  ),
  empty: fc.boolean(),
  repeated: fc.nat({ max: 5 }),
});

function apply(
  tables: InboxTables,
  events: readonly { conversation: number; at: number; empty: boolean; repeated: number }[],
): void {
  for (const { conversation: number, at, empty, repeated } of events) {
    if (empty) start(tables, number, START + at);
    else for (let move = 0; move <= repeated; move += 1) send(tables, number, START + at + move * 11_000_000);
  }
}

describe('the walk through an inbox', () => {
  it('joins pages of any size to the whole, whatever the activity was and in whatever order it arrived', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(activity, { maxLength: 300 }),
        fc.integer({ min: 1, max: 40 }),
        async (events, limit) => {
          const tables = new InboxTables();
          apply(tables, events);
          expect(await pages(tables, limit)).toEqual(tables.expected());
        },
      ),
      { numRuns: 200 },
    );
  });

  it('passes over rows as a numbered page asks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(activity, { maxLength: 300 }),
        fc.nat({ max: 80 }),
        fc.integer({ min: 1, max: 40 }),
        async (events, skip, limit) => {
          const tables = new InboxTables();
          apply(tables, events);
          const entries = await readInbox(watched(tables), OWNER, { before: null, skip, limit });
          expect(entries.map(positionOf)).toEqual(tables.expected().slice(skip, skip + limit));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('loses nothing that stays where it is, and repeats nothing, while others move between its reads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(activity, { minLength: 20, maxLength: 200 }),
        fc.integer({ min: 1, max: 20 }),
        fc.infiniteStream(fc.nat({ max: 60 })),
        async (events, limit, movers) => {
          const tables = new InboxTables();
          apply(tables, events);
          const before = tables.expected();
          const moved = new Set<ConversationId>();
          let now = START + 500 * DAY;
          tables.meanwhile = () => {
            const mover = movers.next().value ?? 0;
            moved.add(conversation(mover));
            send(tables, mover, (now += 3_000_000));
          };
          const seen: ConversationId[] = [];
          let cursor: Position | null = null;
          for (;;) {
            const entries = await readInbox(watched(tables), OWNER, { before: cursor, skip: 0, limit });
            seen.push(...entries.map((entry) => entry.conversationId));
            const last = entries.at(-1);
            if (entries.length < limit || last === undefined) break;
            cursor = positionOf(last);
          }
          expect(new Set(seen).size).toBe(seen.length);
          tables.meanwhile = () => undefined;
          const still = (
            await readInbox(watched(tables), OWNER, { before: null, skip: 0, limit: 2000 })
          ).filter((entry) => before.includes(positionOf(entry)) && !moved.has(entry.conversationId));
          expect(still.filter((entry) => !seen.includes(entry.conversationId))).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** The most rows that a page of 20 and one more may read in the inbox that `fill` makes; every page is exact. */
async function dearest(
  fill: (tables: InboxTables) => void,
  most: number,
): Promise<{ queries: number; rows: number }> {
  const tables = new InboxTables();
  fill(tables);
  const expected = tables.expected();
  const worst = { queries: 0, rows: 0 };
  let before: Position | null = null;
  for (let page = 0; page < most; page += 1) {
    tables.queries = 0;
    tables.rowsRead = 0;
    const entries = await readInbox(watched(tables), OWNER, { before, skip: 0, limit: 21 });
    expect(entries.map(positionOf)).toEqual(expected.slice(page * 20, page * 20 + 21));
    worst.queries = Math.max(worst.queries, tables.queries);
    worst.rows = Math.max(worst.rows, tables.rowsRead);
    before = entries.at(19) === undefined ? null : positionOf(entries[19]!);
    if (before === null || entries.length < 21) break;
  }
  return worst;
}

describe('what a page of an inbox reads', () => {
  it.each([10, 1_000, 20_000])('is bounded among %i conversations over sixty days', async (size) => {
    const worst = await dearest((tables) => {
      for (let number = 0; number < size; number += 1)
        send(tables, number, START + (number / size) * 60 * DAY);
    }, 50);
    expect(worst.queries).toBeLessThanOrEqual(3);
    expect(worst.rows).toBeLessThanOrEqual(150);
  });

  it('is bounded where one conversation moved 20,000 times above 30 quiet ones', async () => {
    const worst = await dearest((tables) => {
      for (let number = 1; number <= 30; number += 1) send(tables, number, START + number * HOUR);
      for (let move = 0; move < 20_000; move += 1) send(tables, 0, START + 10 * DAY + move * 15_000_000);
    }, 2);
    expect(worst.queries).toBeLessThanOrEqual(8);
    expect(worst.rows).toBeLessThanOrEqual(700);
  });

  it.each([
    ['ten minutes', HOUR / 6],
    ['an hour', HOUR],
  ])('is bounded where 10,000 moved within %s', async (_, span) => {
    const worst = await dearest((tables) => {
      for (let number = 0; number < 10_000; number += 1)
        send(tables, number, START + (number / 10_000) * span);
    }, 50);
    expect(worst.queries).toBeLessThanOrEqual(10);
    expect(worst.rows).toBeLessThanOrEqual(1_000);
  });

  it('is bounded where 20 were always busy for 30 days above 500 quiet ones', async () => {
    const worst = await dearest((tables) => {
      for (let number = 20; number < 520; number += 1)
        send(tables, number, START + (number / 520) * 30 * DAY);
      for (let move = 0; move < 30 * 24 * 12; move += 1) {
        for (let number = 0; number < 20; number += 1)
          send(tables, number, START + 30 * DAY + move * 300_000_000);
      }
    }, 10);
    expect(worst.queries).toBeLessThanOrEqual(10);
    expect(worst.rows).toBeLessThanOrEqual(1_500);
  });

  it('is bounded where 10 were busy daily for two years above 500 quiet ones', async () => {
    const worst = await dearest((tables) => {
      for (let number = 10; number < 510; number += 1)
        send(tables, number, START + (number / 510) * 30 * DAY);
      for (let day = 0; day < 730; day += 1) {
        for (let number = 0; number < 10; number += 1) {
          for (const hour of [8, 12, 20])
            send(tables, number, START + (30 + day) * DAY + hour * HOUR + number);
        }
      }
    }, 10);
    expect(worst.queries).toBeLessThanOrEqual(12);
    expect(worst.rows).toBeLessThanOrEqual(2_000);
  });
});
