import type { Client } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClient, sessionOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { startRows } from '../../src/adapters/cassandra/conversation-repository.ts';
import { EventLogState } from '../../src/adapters/cassandra/event-log-state.ts';
import { InboxReader } from '../../src/adapters/cassandra/inbox.ts';
import { inboxAndEventRows } from '../../src/adapters/cassandra/message-repository.ts';
import { makeSession, type Session, type Statement } from '../../src/adapters/cassandra/session.ts';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { NOOP_TELEMETRY } from '../../src/application/ports/telemetry.ts';
import type { MessageId, Position, UserId } from '../../src/domain/ids.ts';
import { messageIdAt } from '../../src/domain/time.ts';
import { INBOXES, type Move } from '../support/inboxes.ts';
import { freshKeyspace } from './cluster.ts';

/** These inboxes are too large to write to Cassandra in a test; they are tested with a fake session. */
const ONLY_WITH_FAKE_SESSION = ['1,000 conversations a second'];

const RETENTION_DAYS = 30;
const MOVES_PER_BATCH = 20;
const BATCHES_AT_ONCE = 48;

let options: CassandraOptions;
let client: Client;
beforeAll(async () => {
  options = await freshKeyspace();
  client = makeClient(options);
  await client.connect();
});
afterAll(() => client.shutdown());

/** The cost of reading a page. */
interface Cost {
  queries: number;
  logRows: number;
  scannedRows: number;
}

function countingSession(cost: Cost): Session {
  const session = makeSession(client, () => true, sessionOptions(options));
  return {
    ...session,
    async read(query, params) {
      const rows = await session.read(query, params);
      cost.queries += 1;
      if (query.includes('events_by_user')) cost.logRows += rows.length;
      else if (!query.includes('IN ?')) cost.scannedRows += rows.length;
      return rows;
    },
    async readPage(...args) {
      const page = await session.readPage(...args);
      cost.queries += 1;
      cost.scannedRows += page.rows.length;
      return page;
    },
  };
}

/** Writes the inbox of `owner` after `moves`; returns the position of each conversation. */
async function write(owner: UserId, moves: readonly Move[]): Promise<Map<number, MessageId>> {
  const places = new Map<number, MessageId>();
  const statements = moves.map(({ conversation, at, isStart }, index): Statement[] => {
    const id = messageIdAt(Math.floor(at), index % 1_000, index.toString(16).padStart(13, '0'));
    const conversationId = conversationIdOf([owner, `${owner}.${conversation}` as UserId]);
    const place = places.get(conversation);
    if (place === undefined || place < id) places.set(conversation, id);
    if (isStart === true)
      return startRows({ id: conversationId, participants: [owner], created: id }, owner, RETENTION_DAYS);
    const message = {
      id,
      conversationId,
      senderId: owner,
      receiverId: owner,
      content: 'Hello',
      editId: null,
      deletionId: null,
    };
    return inboxAndEventRows(message, [owner], id, owner, RETENTION_DAYS);
  });
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < statements.length) {
      const batch = statements.slice(next, (next += MOVES_PER_BATCH)).flat();
      await client.batch(batch, {
        prepare: true,
        logged: false,
        isIdempotent: true,
      });
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, writer));
  return places;
}

describe('on a real Cassandra, every page of a full walk is exact and bounded', () => {
  for (const [name, movesOf] of Object.entries(INBOXES)) {
    if (ONLY_WITH_FAKE_SESSION.includes(name)) continue;
    it(name, async () => {
      const now = Date.now() * 1_000;
      const owner = `owner ${name}`.replaceAll(/[^a-z0-9]/g, '-') as UserId;
      const places = await write(owner, movesOf(now, 1));
      const expected = [...places.values()].sort().reverse();

      const cost: Cost = { queries: 0, logRows: 0, scannedRows: 0 };
      const clock = { now: () => now };
      const reader = new InboxReader({
        session: countingSession(cost),
        groups: { findMembership: () => Promise.resolve(null) },
        eventLog: new EventLogState({ clock, retentionDays: RETENTION_DAYS }),
        telemetry: NOOP_TELEMETRY,
      });
      const limit = places.size > 1_000 ? 100 : 20;
      const found: Position[] = [];
      const worst = { queries: 0, logRows: 0, scannedRows: 0 };
      for (let before: Position | null = null, isLast = false; !isLast;) {
        Object.assign(cost, { queries: 0, logRows: 0, scannedRows: 0 });
        const entries = await reader.read(owner, { before, offset: 0, limit: limit + 1 });
        isLast = entries.length <= limit;
        found.push(...entries.slice(0, limit).map(({ lastEventId }) => lastEventId));
        before = found.at(-1) ?? null;
        for (const kind of ['queries', 'logRows', 'scannedRows'] as const) {
          worst[kind] = Math.max(worst[kind], cost[kind]);
        }
      }
      expect(found).toEqual(expected);
      expect(worst.logRows).toBeLessThanOrEqual(1_000);
      expect(worst.scannedRows).toBeLessThanOrEqual(65 + 1_000 + places.size);
      expect(worst.queries).toBeLessThanOrEqual(places.size <= 64 ? 1 : 60);
    });
  }
});
