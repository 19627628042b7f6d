import { types } from 'cassandra-driver';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startRows } from '../../src/adapters/cassandra/conversation-repository.ts';
import { EventLogState } from '../../src/adapters/cassandra/event-log-state.ts';
import { InboxReader } from '../../src/adapters/cassandra/inbox.ts';
import { inboxAndEventRows } from '../../src/adapters/cassandra/message-repository.ts';
import type { Row, RowPage, Session, Statement } from '../../src/adapters/cassandra/session.ts';
import { INBOXES, randomNumbers } from '../support/inboxes.ts';
import { Overload } from '../../src/application/overload.ts';
import { NOOP_TELEMETRY } from '../../src/application/ports/telemetry.ts';
import type { InboxEntry } from '../../src/domain/conversation.ts';
import type { ConversationId, EventId, MessageId, Position, UserId } from '../../src/domain/ids.ts';
import { messageIdAt, microsecondsOf } from '../../src/domain/time.ts';

/** The cost of reading a page. */
interface Cost {
  queries: number;
  logRows: number;
  scannedRows: number;
  lookedUpRows: number;
}

interface InboxRow {
  readonly conversation_id: string;
  readonly participants: unknown;
  readonly last_activity: types.Tuple;
  readonly timestamp: bigint;
}

/**
 * A fake of the two inbox tables for one user: it keeps rows by timestamp, answers the reader's queries and counts
 * their cost.
 */
class InboxTables {
  readonly #rows = new Map<string, InboxRow>();
  readonly #readUpTo = new Map<string, string>();
  readonly #log = new Map<string, string>();
  /** Newest first; null if it must be sorted again. */
  #sortedLog: readonly { event_id: string; conversation_id: string }[] | null = null;
  #sortedRows: readonly InboxRow[] | null = null;
  cost: Cost = { queries: 0, logRows: 0, scannedRows: 0, lookedUpRows: 0 };
  /** Runs before each read, like a concurrent sender. */
  beforeRead: () => void = () => undefined;

  readonly session = {
    read: (query: string, params: readonly unknown[]) => this.#read(query, params),
    readPage: (query: string, params: readonly unknown[], size: number, from: string | null) =>
      this.#readPage(size, from),
  } as unknown as Session;

  write(statements: readonly Statement[]): void {
    for (const { query, params } of statements) {
      if (query.includes('events_by_user')) {
        const [, , event, , conversation] = params as [string, boolean, string, string, string];
        this.#log.set(event, conversation);
        this.#sortedLog = null;
        continue;
      }
      const [, id, participants, cell, readUpTo, time] = params as [
        string,
        string,
        unknown,
        types.Tuple,
        string | undefined,
        unknown,
      ];
      // The furthest position wins: its write time is its own microsecond.
      const furthest = [readUpTo, this.#readUpTo.get(id)].filter((place) => place !== undefined).sort();
      const position = furthest.at(-1);
      if (position !== undefined) this.#readUpTo.set(id, position);
      const timestamp = BigInt(String(time));
      const known = this.#rows.get(id);
      const wins =
        known === undefined ||
        known.timestamp < timestamp ||
        (known.timestamp === timestamp && eventIn(known.last_activity) < eventIn(cell));
      if (!wins) continue;
      this.#sortedRows = null;
      this.#rows.set(id, { conversation_id: id, participants, last_activity: cell, timestamp });
    }
  }

  /** Adds an event to the log without its inbox cell, as if readers did not reach its replicas. */
  writeEventAlone(statements: readonly Statement[]): void {
    this.write(statements.filter(({ query }) => query.includes('events_by_user')));
  }

  dropLogBelow(position: Position): void {
    for (const event of this.#log.keys()) if (event < position) this.#log.delete(event);
    this.#sortedLog = null;
  }

  #read(query: string, params: readonly unknown[]): Promise<Row[]> {
    this.beforeRead();
    this.cost.queries += 1;
    if (query.includes('events_by_user')) {
      const [, below, above, limit] = params as [string, string, string, number];
      this.#sortedLog ??= [...this.#log]
        .map(([event_id, conversation_id]) => ({ event_id, conversation_id }))
        .sort((a, b) => (a.event_id > b.event_id ? -1 : 1));
      const log = this.#sortedLog;
      let first = 0;
      for (let high = log.length; first < high;) {
        const middle = (first + high) >> 1;
        if ((log[middle]?.event_id ?? '') < below) high = middle;
        else first = middle + 1;
      }
      const rows = log.slice(first, first + limit).filter(({ event_id }) => event_id > above);
      this.cost.logRows += rows.length;
      return answer(rows);
    }
    if (query.includes('IN ?')) {
      const rows = (params[1] as string[]).flatMap((id) => this.#rowFor(query, id));
      this.cost.lookedUpRows += rows.length;
      return answer(rows);
    }
    const rows = this.#byId()
      .slice(0, params[1] as number)
      .flatMap((row) => this.#rowFor(query, row.conversation_id));
    this.cost.scannedRows += rows.length;
    return answer(rows);
  }

  async #readPage(size: number, from: string | null): Promise<RowPage> {
    this.beforeRead();
    this.cost.queries += 1;
    const all = this.#byId();
    const begin = Number(from ?? 0);
    const rows = all.slice(begin, begin + size);
    this.cost.scannedRows += rows.length;
    const written = rows.map(({ conversation_id, timestamp }) => ({
      conversation_id,
      written: types.Long.fromString(String(timestamp)),
    }));
    return { rows: await answer(written), next: begin + size < all.length ? String(begin + size) : null };
  }

  /** The row of `id`, with its read position if `query` selects it. */
  #rowFor(query: string, id: string): object[] {
    const row = this.#rows.get(id);
    if (row === undefined) return [];
    return [query.includes('read_up_to') ? { ...row, read_up_to: this.#readUpTo.get(id) ?? null } : row];
  }

  #byId(): readonly InboxRow[] {
    this.#sortedRows ??= [...this.#rows.values()].sort((a, b) =>
      a.conversation_id < b.conversation_id ? -1 : 1,
    );
    return this.#sortedRows;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The whole expected inbox: the position of each conversation, newest first. */
  expected(): string[] {
    return [...this.#rows.values()]
      .map(({ last_activity }) => eventIn(last_activity))
      .sort()
      .reverse();
  }
}

function answer(rows: readonly object[]): Promise<Row[]> {
  return Promise.resolve(rows as unknown as Row[]);
}

function eventIn(cell: types.Tuple): string {
  return String(cell.get(0));
}

const OWNER = 'owner' as UserId;
const OTHER = 'other' as UserId;
const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 5, 1) * 1000;
const RETENTION_DAYS = 30;

let serial = 0;
function idAt(microseconds: number): MessageId {
  serial += 1;
  return messageIdAt(Math.floor(microseconds), serial % 1000, serial.toString(16).padStart(13, '0'));
}

function conversation(number: number): ConversationId {
  // Scattered like hashes: the order of ids must differ from the order of activity.
  const scattered = Math.imul(number + 1, 0x9e37_79b1) >>> 0;
  return `${scattered.toString(16).padStart(8, '0')}-0000-5000-8000-${number.toString(16).padStart(12, '0')}` as ConversationId;
}

/** Writes a message at `microseconds` in conversation `number`. */
function news(
  number: number,
  microseconds: number,
  eventId?: EventId,
  senderId: UserId = OWNER,
): Statement[] {
  const id = idAt(microseconds);
  const message = {
    id,
    conversationId: conversation(number),
    senderId,
    receiverId: OWNER,
    content: 'hello',
    editId: null,
    deletionId: null,
  };
  return inboxAndEventRows(message, [OWNER], eventId ?? id, OWNER, RETENTION_DAYS);
}

function send(tables: InboxTables, number: number, microseconds: number): void {
  tables.write(news(number, microseconds));
}

function start(tables: InboxTables, number: number, microseconds: number): void {
  const begun = { id: conversation(number), participants: [OWNER], created: idAt(microseconds) };
  tables.write(startRows(begun, OWNER, RETENTION_DAYS));
}

function readerOf(tables: InboxTables, retentionDays = RETENTION_DAYS): InboxReader {
  const eventLog = new EventLogState({ clock: { now: () => NOW }, retentionDays });
  const groups = { findMembership: () => Promise.resolve(null) };
  return new InboxReader({ session: tables.session, groups, eventLog, telemetry: NOOP_TELEMETRY });
}

const placesOf = (entries: readonly { lastEventId: EventId }[]): Position[] =>
  entries.map(({ lastEventId }) => lastEventId);

/** All pages of `limit`, each starting at the end of the previous one, with their costs. */
async function walk(
  tables: InboxTables,
  limit: number,
  reader = readerOf(tables),
): Promise<{ places: Position[]; costs: Cost[] }> {
  const places: Position[] = [];
  const costs: Cost[] = [];
  let before: Position | null = null;
  for (;;) {
    tables.cost = { queries: 0, logRows: 0, scannedRows: 0, lookedUpRows: 0 };
    // One more than the page size, like the use case.
    const entries = await reader.read(OWNER, { before, offset: 0, limit: limit + 1 });
    costs.push(tables.cost);
    places.push(...placesOf(entries.slice(0, limit)));
    if (entries.length <= limit) return { places, costs };
    before = places.at(-1) ?? null;
  }
}

/** Asserts the cost limit of each page. */
function assertBounds(tables: InboxTables, costs: readonly Cost[], limit: number): void {
  for (const { queries, logRows, scannedRows, lookedUpRows } of costs) {
    if (tables.size <= 64) {
      expect({ queries, logRows, lookedUpRows }).toEqual({ queries: 1, logRows: 0, lookedUpRows: 0 });
      continue;
    }
    expect(logRows).toBeLessThanOrEqual(1_000);
    // One query to check if the inbox is small, one to check if its scan is long, and one scan.
    expect(scannedRows).toBeLessThanOrEqual(65 + 1_000 + tables.size);
    // At most the rows that the log listed, the page with ties and moved entries, and its read positions.
    expect(lookedUpRows).toBeLessThanOrEqual(logRows + 4 * (limit + 1));
    expect(queries).toBeLessThanOrEqual(1 + 3 * 6 + Math.ceil(tables.size / 5_000) + 5);
  }
}

const activity = fc.record({
  conversation: fc.nat({ max: 200 }),
  ago: fc.oneof(
    fc.nat({ max: 5 * SECOND }),
    fc.nat({ max: HOUR }),
    fc.nat({ max: DAY }),
    fc.nat({ max: 400 * DAY }),
  ),
  empty: fc.boolean(),
  repeated: fc.nat({ max: 5 }),
});
type Activity = Parameters<typeof apply>[1][number];

function apply(
  tables: InboxTables,
  events: readonly { conversation: number; ago: number; empty: boolean; repeated: number }[],
): void {
  for (const { conversation: number, ago, empty, repeated } of events) {
    if (empty) start(tables, number, NOW - ago);
    else for (let move = 0; move <= repeated; move += 1) send(tables, number, NOW - ago - move * 11 * SECOND);
  }
}

const activities: fc.Arbitrary<Activity[]> = fc.oneof(
  fc.array(activity, { maxLength: 300 }),
  fc.array(activity, { minLength: 150, maxLength: 600 }),
);

describe('an inbox', () => {
  it('is the same with pages of any size, for any activity and order of arrival', async () => {
    await fc.assert(
      fc.asyncProperty(activities, fc.integer({ min: 1, max: 40 }), async (events, limit) => {
        const tables = new InboxTables();
        apply(tables, events);
        const { places, costs } = await walk(tables, limit);
        expect(places).toEqual(tables.expected());
        assertBounds(tables, costs, limit);
      }),
      { numRuns: 200 },
    );
  });

  it('skips the entries before a numbered page', async () => {
    await fc.assert(
      fc.asyncProperty(
        activities,
        fc.oneof(fc.nat({ max: 80 }), fc.nat({ max: 2_000 })),
        fc.integer({ min: 1, max: 40 }),
        async (events, offset, limit) => {
          const tables = new InboxTables();
          apply(tables, events);
          const entries = await readerOf(tables).read(OWNER, { before: null, offset, limit });
          expect(placesOf(entries)).toEqual(tables.expected().slice(offset, offset + limit));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('contains all entries that do not move, without repeats, while others move between its reads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(activity, { minLength: 20, maxLength: 400 }),
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 60 }),
        async (events, limit, movers) => {
          const tables = new InboxTables();
          apply(tables, events);
          const moving = new Set(movers.map((number) => conversation(number)));
          let moves = 0;
          tables.beforeRead = () => {
            const number = movers[moves % movers.length] ?? 0;
            send(tables, number, NOW + (moves += 1));
          };
          const reader = readerOf(tables);
          const seen: string[] = [];
          let before: Position | null = null;
          for (;;) {
            const entries = await reader.read(OWNER, { before, offset: 0, limit: limit + 1 });
            const shown = entries.slice(0, limit);
            seen.push(...shown.map(({ conversationId }) => conversationId));
            if (entries.length <= limit) break;
            before = placesOf(shown).at(-1) ?? null;
          }
          expect(new Set(seen).size, 'none is repeated').toBe(seen.length);
          tables.beforeRead = () => undefined;
          const all = await reader.read(OWNER, { before: null, offset: 0, limit: 1_000 });
          const resting = all.map(({ conversationId }) => conversationId).filter((id) => !moving.has(id));
          expect(seen.filter((id) => !moving.has(id as ConversationId))).toEqual(resting);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('shows a conversation once, at its cell, if an event reached only the log', async () => {
    await fc.assert(
      fc.asyncProperty(
        activities,
        fc.array(fc.record({ conversation: fc.nat({ max: 220 }), ago: fc.nat({ max: 40 * DAY }) })),
        fc.integer({ min: 1, max: 40 }),
        async (events, lone, limit) => {
          const tables = new InboxTables();
          apply(tables, events);
          for (const { conversation: number, ago } of lone) tables.writeEventAlone(news(number, NOW - ago));
          expect((await walk(tables, limit)).places).toEqual(tables.expected());
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is exact when a walk changes from the log to a scan, for any end of the log', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(activity, { minLength: 100, maxLength: 500 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat({ max: 60 * DAY }),
        fc.integer({ min: 1, max: 60 }),
        async (events, limit, ago, retentionDays) => {
          const tables = new InboxTables();
          apply(tables, events);
          tables.dropLogBelow(idAt(NOW - Math.max(ago, (retentionDays + 1) * DAY)));
          const { places } = await walk(tables, limit, readerOf(tables, retentionDays));
          expect(places).toEqual(tables.expected());
        },
      ),
      { numRuns: 150 },
    );
  });

  it('has a late message at the position of its late event', async () => {
    const tables = new InboxTables();
    for (let number = 0; number < 100; number += 1) send(tables, number, NOW - number * HOUR);
    const late = idAt(NOW + SECOND);
    tables.write(news(70, NOW - 20 * DAY, late));
    const [first] = await readerOf(tables).read(OWNER, { before: null, offset: 0, limit: 1 });
    expect(first?.conversationId).toBe(conversation(70));
    expect(microsecondsOf(first?.lastEventId ?? late)).toBe(microsecondsOf(late));
  });
});

describe('the cost of an inbox page', () => {
  const random = randomNumbers();

  for (const [name, fill] of Object.entries(INBOXES)) {
    for (const scale of [1, 10]) {
      it(`is bounded on every page of a full walk: ${name}${scale > 1 ? `, ${scale} times as many` : ''}`, async () => {
        const tables = new InboxTables();
        for (const { conversation: number, at, isStart } of fill(NOW, scale)) {
          if (isStart) start(tables, number, at);
          else send(tables, number, at);
        }
        if (name === '3,000 conversations in one microsecond') {
          // Ties can only be ordered by reading all of them.
          expect((await walk(tables, 100)).places).toEqual(tables.expected());
          return;
        }
        const limit = tables.size > 3_000 ? 100 : 20;
        const { places, costs } = await walk(tables, limit);
        expect(places).toEqual(tables.expected());
        assertBounds(tables, costs, limit);
      });
    }
  }

  it('is one slice, one lookup and the read positions of the page if the log is fresh and the inbox is known to be large', async () => {
    const tables = new InboxTables();
    for (let number = 0; number < 10_000; number += 1) send(tables, number, NOW - number * 60_000);
    const { costs } = await walk(tables, 20);
    for (const { queries, logRows } of costs.slice(1, -30)) {
      expect({ queries, logRows }).toEqual({ queries: 3, logRows: 42 });
    }
  });

  it('includes the read position of each entry, on every read path', async () => {
    for (const size of [5, 64, 65, 300]) {
      for (const days of [RETENTION_DAYS, 1]) {
        const tables = new InboxTables();
        // From another user, and so that with the shorter retention the log does not cover all of them.
        for (let number = 0; number < size; number += 1) {
          tables.write(news(number, NOW - number * 20 * MINUTE, undefined, number % 2 === 0 ? OWNER : OTHER));
        }
        const reader = readerOf(tables, days);
        for (let before: Position | null = null; ;) {
          const entries: InboxEntry[] = await reader.read(OWNER, { before, offset: 0, limit: 20 });
          for (const { lastEventId, lastMessage, readUpTo } of entries) {
            expect(readUpTo).toBe(lastMessage?.senderId === OWNER ? lastEventId : null);
          }
          if (entries.length < 20) break;
          before = entries.at(-1)?.lastEventId ?? null;
        }
      }
    }
  });

  it('is bounded at any cursor of an inbox of 100,000 conversations over 60 days', async () => {
    const tables = new InboxTables();
    for (let number = 0; number < 100_000; number += 1)
      send(tables, number, NOW - (60 * DAY * number) / 100_000);
    const expected = tables.expected();
    const reader = readerOf(tables);
    for (let sample = 0; sample < 50; sample += 1) {
      const index = Math.floor(random() * 99_900);
      tables.cost = { queries: 0, logRows: 0, scannedRows: 0, lookedUpRows: 0 };
      const before = expected[index] as Position;
      const entries = await reader.read(OWNER, { before, offset: 0, limit: 21 });
      expect(placesOf(entries)).toEqual(expected.slice(index + 1, index + 22));
      assertBounds(tables, [tables.cost], 20);
    }
  });

  /** A reader of an inbox of 2,000 conversations whose pages all need a scan. */
  async function scanned(): Promise<{
    tables: InboxTables;
    read: (user?: UserId) => Promise<InboxEntry[]>;
  }> {
    const tables = new InboxTables();
    for (let number = 0; number < 2_000; number += 1) send(tables, number, NOW - number * MINUTE);
    tables.dropLogBelow(idAt(NOW + DAY));
    const reader = readerOf(tables);
    const read = (user = OWNER) => reader.read(user, { before: null, offset: 0, limit: 20 });
    await read();
    tables.cost = { queries: 0, logRows: 0, scannedRows: 0, lookedUpRows: 0 };
    return { tables, read };
  }

  it('is three scans at most for all requests of a user that arrive together, and pages beyond four are rejected', async () => {
    const { tables, read } = await scanned();
    const pages = await Promise.allSettled(Array.from({ length: 64 }, () => read()));
    const expected = tables.expected().slice(0, 20);
    const shown = pages.flatMap((page) => (page.status === 'fulfilled' ? [placesOf(page.value)] : []));
    expect(shown).toEqual(Array.from({ length: 4 }, () => expected));
    const failures = pages.flatMap((page) => (page.status === 'rejected' ? [page.reason as unknown] : []));
    expect(failures.every((failure) => failure instanceof Overload)).toBe(true);
    expect(tables.cost.scannedRows).toBeLessThanOrEqual(3 * tables.size);
    expect(placesOf(await read())).toEqual(expected);
  });

  it('leaves room for the pages of other users, up to eight in all', async () => {
    const { tables, read } = await scanned();
    // Every user of these tables has the same inbox.
    const [others, last] = [['anna', 'ben', 'carl', 'dora'] as UserId[], 'eve' as UserId];
    for (const user of [...others, last]) await read(user);
    const pages = Array.from({ length: 64 }, () => read().catch(() => null));
    const expected = tables.expected().slice(0, 20);
    const own = Promise.all(others.map(read));
    await expect(read(last)).rejects.toThrow(Overload);
    expect((await own).map(placesOf)).toEqual(others.map(() => expected));
    expect((await Promise.all(pages)).filter((page) => page !== null)).toHaveLength(4);
    expect(placesOf(await read(last))).toEqual(expected);
  });

  it('is not that of an older scan: a shared one begins after each of its requests', async () => {
    const { tables, read } = await scanned();
    const earlier = Array.from({ length: 3 }, read);
    // The first scans have begun.
    for (let number = 1; number <= 8; number += 1) {
      send(tables, number, NOW + number * SECOND);
      const expected = tables.expected().slice(0, 20);
      expect(placesOf(await read())).toEqual(expected);
    }
    await Promise.all(earlier);
    const together = Array.from({ length: 4 }, async (_, index) => {
      for (let turn = 0; turn < 3 * index; turn += 1) await Promise.resolve();
      send(tables, 100 + index, NOW + HOUR + index * SECOND);
      const top = tables.expected()[0];
      return { top, page: placesOf(await read()) };
    });
    for (const { top, page } of await Promise.all(together)) expect(page).toContain(top);
  });
});
