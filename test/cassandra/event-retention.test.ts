import type { types } from 'cassandra-driver';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sessionOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { EventLogState } from '../../src/adapters/cassandra/event-log-state.ts';
import { makeSession } from '../../src/adapters/cassandra/session.ts';
import { openCassandraStorage, type CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { Position, UserId } from '../../src/domain/ids.ts';
import { freshKeyspace, openClient } from './cluster.ts';
import { DAY, forEachConcurrently, freshUser, idAt, appendRequest, walk } from '../contracts/fixtures.ts';
import { guardedLog } from '../support/log-leak-guard.ts';

let options: CassandraOptions;
beforeEach(async () => {
  options = await freshKeyspace();
});

/** Day 0 of the tests. */
const T0 = Date.now() * 1_000 - 100 * DAY;

/** Starts a process at `day` with this retention; returns it and a function that moves its clock. */
async function processAt(day: number, eventRetentionDays: number) {
  const time = { now: T0 + day * DAY };
  const clock: Clock = { now: () => time.now, latest: () => 0 };
  const storage: CassandraStorage = openCassandraStorage({
    options: { ...options, eventRetentionDays },
    clock,
    messageIds: makeMessageIds({ clock }),
    log: guardedLog,
    refreshMs: 50,
  });
  onTestFinished(() => storage.close());
  await storage.started;
  return { storage, goTo: (to: number) => (time.now = T0 + to * DAY) };
}

/** Simulates TTL expiry until `day`: deletes the events whose TTL has ended. */
async function expireEventsUpTo(day: number): Promise<void> {
  const client = await openClient(options);
  const { rows } = await client.execute(
    'SELECT user_id, places, event_id, TTL(type) AS ttl, WRITETIME(type) AS at FROM events_by_user',
    [],
    { prepare: true, fetchSize: 100_000 },
  );
  await forEachConcurrently(rows, async (row) => {
    const expires = (row['at'] as types.Long).toNumber() + (row['ttl'] as number) * 1_000_000;
    if (expires <= T0 + day * DAY) {
      await client.execute(
        'DELETE FROM events_by_user USING TIMESTAMP ? WHERE user_id = ? AND places = ? AND event_id = ?',
        [row['at'], row['user_id'], row['places'], row['event_id']],
        { prepare: true },
      );
    }
  });
}

/** Writes messages to `owner`, each from a new user, evenly over these days. */
async function busy(storage: CassandraStorage, owner: UserId, from: number, to: number, count: number) {
  const posts = Array.from({ length: count }, (_, n) =>
    appendRequest([freshUser(), owner], idAt(T0 + from * DAY + Math.floor((n / count) * (to - from) * DAY))),
  );
  await forEachConcurrently(posts, (post) => storage.messages.append(post));
  return posts.map(({ message }) => message.id);
}

async function inboxOf(storage: CassandraStorage, owner: UserId): Promise<Position[]> {
  const found = await walk(
    (slice) => storage.conversations.listByUser(owner, slice),
    ({ lastEventId }) => lastEventId,
    25,
  );
  return found.map(({ lastEventId }) => lastEventId);
}

describe('an inbox is exact after EVENT_RETENTION_DAYS changes', () => {
  it('60, then 30, then 60 again', async () => {
    const owner = freshUser();
    const first = await processAt(0, 60);
    const ids = await busy(first.storage, owner, 40, 50, 60); // lives for 61 days
    const second = await processAt(50, 30);
    ids.push(...(await busy(second.storage, owner, 50, 60, 40))); // lives for 31 days
    const third = await processAt(60, 60);
    ids.push(...(await busy(third.storage, owner, 60, 92, 60)));
    await expireEventsUpTo(93);
    third.goTo(93);
    expect((await inboxOf(third.storage, owner)).length).toBe(ids.length);
  });

  it('30, then 60 by a rolling restart of two processes', async () => {
    const owner = freshUser();
    const [old, next] = [await processAt(0, 30), await processAt(40, 60)];
    // In the hour in which both run, each handles half of the messages.
    const ids = await busy(next.storage, owner, 40, 40.02, 60);
    ids.push(...(await busy(old.storage, owner, 40.02, 40.04, 30)));
    ids.push(...(await busy(next.storage, owner, 40.04, 73, 60)));
    await expireEventsUpTo(73);
    next.goTo(73);
    expect((await inboxOf(next.storage, owner)).length).toBe(ids.length);
  });

  it('30 by a process that starts next to one with 60, which keeps running', async () => {
    const owner = freshUser();
    const [running, lower] = [await processAt(40, 60), await processAt(40, 30)];
    const ids = await busy(running.storage, owner, 40, 40.02, 60);
    ids.push(...(await busy(lower.storage, owner, 40.02, 40.04, 30)));
    ids.push(...(await busy(running.storage, owner, 40.04, 73, 60)));
    await expireEventsUpTo(73);
    running.goTo(73);
    // It reads the other's retention at its next check.
    await expect.poll(async () => (await inboxOf(running.storage, owner)).length).toBe(ids.length);
  });

  it('30 by a process that runs for weeks next to one with 60', async () => {
    const owner = freshUser();
    const [old, next] = [await processAt(0, 30), await processAt(40, 60)];
    const client = await openClient(options);
    const daysOfItsRows = async () => {
      const user = freshUser();
      await busy(old.storage, user, 40, 40, 1);
      const { rows } = await client.execute(
        'SELECT TTL(type) AS ttl FROM events_by_user WHERE user_id = ?',
        [user],
        { prepare: true },
      );
      return Math.round((rows[0]?.['ttl'] as number) / 86_400);
    };
    // After its next check, it keeps rows as long as the others read them.
    await expect.poll(daysOfItsRows).toBe(61);
    const ids = await busy(old.storage, owner, 42, 60, 60);
    ids.push(...(await busy(next.storage, owner, 60, 92, 40)));
    await expireEventsUpTo(92);
    next.goTo(92);
    expect((await inboxOf(next.storage, owner)).length).toBe(ids.length);
  });

  it('and the log is complete after its reported start', async () => {
    const owner = freshUser();
    const first = await processAt(0, 7);
    const ids = await busy(first.storage, owner, 14, 20, 20); // lives for 8 days
    const second = await processAt(20, 30);
    ids.push(...(await busy(second.storage, owner, 20, 35, 20)));
    const client = await openClient(options);
    for (const day of [21, 25, 28, 35, 45, 60]) {
      await expireEventsUpTo(day);
      second.goTo(day);
      const eventLog = new EventLogState({ clock: { now: () => T0 + day * DAY }, retentionDays: 30 });
      await eventLog.refresh(makeSession(client, () => true, sessionOptions(options)));
      const start = eventLog.start();
      const listed = await second.storage.events.listAfter(owner, start, 100);
      const expected = ids.filter((id) => id > start).sort();
      expect(
        listed.map(({ id }) => id),
        `on day ${day}`,
      ).toEqual(expected);
    }
  });
});
