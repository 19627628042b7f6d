import { randomUUID } from 'node:crypto';
import type { Client } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeClient, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { cassandraClocks } from '../../src/adapters/cassandra/clock-measurement.ts';
import { eventCursorFrom } from '../../src/adapters/http/event-cursors.ts';
import { latenessLimits, visibilityWindow } from '../../src/domain/event.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import { openStream, ORIGIN, type Fetch } from '../http/client.ts';
import { startProcess, type ServiceProcess } from '../support/service-process.ts';
import { findFaketime, settableClock, wrongClock } from '../support/wrong-clock.ts';
import { freshKeyspace, openClient } from './cluster.ts';

/*
 * Real services on a host with a wrong clock. Ids depend on the clock and define the order, so none of them may write.
 */

const library = findFaketime();
if (library === null) {
  console.warn(
    'SKIPPED: services with a wrong clock. They need the package faketime (apt-get install faketime).',
  );
}

/** Generous, because a busy host may be slow. */
const REQUEST_TIMEOUT_MS = 20_000;

let options: CassandraOptions;
let client: Client;

beforeAll(async () => {
  options = await freshKeyspace();
  client = makeClient(options);
  await client.connect();
});

afterAll(() => client.shutdown());

function startService(keyspace: CassandraOptions, clock: Record<string, string> = {}): ServiceProcess {
  return startProcess({
    PORT: '0',
    STORAGE: 'cassandra',
    CASSANDRA_CONTACT_POINTS: keyspace.contactPoints.join(','),
    CASSANDRA_LOCAL_DATACENTER: keyspace.localDatacenter,
    CASSANDRA_KEYSPACE: keyspace.keyspace,
    REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
    ...clock,
  });
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: {
    readonly id?: string;
    readonly type?: string;
    readonly detail?: string;
    readonly created_at?: string;
    readonly data?: readonly { readonly content: string; readonly last_message_content: string }[];
  };
}

/** The responses of a service. */
async function ask(url: string, method: string, path: string, body?: object, key?: string): Promise<Answer> {
  const answer = await fetch(url + path, {
    method,
    headers: { 'Content-Type': 'application/json', ...(key !== undefined && { 'Idempotency-Key': key }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const retryAfter = answer.headers.get('Retry-After');
  return { status: answer.status, retryAfter, body: (await answer.json()) as Answer['body'] };
}

/** All write requests. */
async function writeAll(url: string, content: string): Promise<Answer[]> {
  const message = { sender_id: 'ada', receiver_id: 'ben', content };
  return [
    await ask(url, 'POST', '/api/messages', message),
    await ask(url, 'POST', '/api/messages', message, randomUUID()),
    await ask(url, 'POST', '/api/conversations', { participant_ids: ['ada', `new-${randomUUID()}`] }),
    await ask(url, 'PUT', '/api/users/ada', { username: content }),
  ];
}

/** All rows of the tables of a keyspace, but for the migrations that made them. */
async function rowsIn({ keyspace }: CassandraOptions): Promise<Record<string, string[]>> {
  const tables = await client.execute('SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?', [
    keyspace,
  ]);
  const names = tables.rows
    .map((row) => String(row['table_name']))
    .filter((name) => name !== 'schema_migrations');
  const rows = await Promise.all(
    names.map(async (name) => {
      const result = await client.execute(`SELECT JSON * FROM ${keyspace}.${name}`, [], { prepare: false });
      return [name, result.rows.map((row) => String(row['[json]'])).sort()] as const;
    }),
  );
  return Object.fromEntries(rows);
}

function expectRefused(answers: readonly Answer[]): void {
  for (const { status, retryAfter, body } of answers) {
    expect([status, retryAfter, body.type]).toEqual([503, '1', 'urn:problem:messenger:clock-not-verified']);
    expect(body.detail).toContain('Nothing was stored');
  }
}

test('faketime is installed if all tests are required', () => {
  if (process.env['CI'] === 'true') expect(library).not.toBeNull();
});

test('the clock of each node can be read, in milliseconds', async () => {
  const clocks = cassandraClocks(await openClient(options));
  expect(clocks.nodes().length).toBeGreaterThan(0);
  for (const node of clocks.nodes()) {
    const before = Date.now();
    const time = await clocks.read(node);
    expect(time).toBeGreaterThanOrEqual(before - 1);
    expect(time).toBeLessThanOrEqual(Date.now());
  }
  await expect(clocks.read('192.0.2.1:9042')).rejects.toThrow('has left the cluster');
});

describe.skipIf(library === null)('a service whose clock', () => {
  const WRONG = [
    ['is ten years ahead', '+10y', /\d+ ms ahead of Cassandra's/],
    ['is at 1970', '@1970-01-02 00:00:00', /\d+ ms behind Cassandra's/],
    ['is 5 s behind', '-5s', /(4|5)\d{3} ms behind Cassandra's/],
  ] as const;

  test('is wrong from the start stores nothing, even on a new keyspace', async () => {
    const empty = await freshKeyspace();
    const { said, url } = startService(empty, wrongClock(library!, '+10y'));
    await said(/Writes are refused/);
    expectRefused(await writeAll(await url(), 'Hello'));
    expect(Object.values(await rowsIn(empty)).flat()).toEqual([]);
  });

  test('is right is ready, and writes', async () => {
    const { said, url } = startService(options, wrongClock(library!, '+0s'));
    await said(/^Ready at /);
    expect((await ask(await url(), 'GET', '/readyz')).status).toBe(200);
    expect((await writeAll(await url(), 'Hello')).map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  });

  test.each(WRONG)(
    '%s is alive but not ready, refuses writes, and serves reads',
    async (_, clock, sentence) => {
      const before = await rowsIn(options);
      expect(before['messages_by_conversation']!.length).toBeGreaterThan(0);
      const { said, url: whereItIs } = startService(options, wrongClock(library!, clock));
      const { msg } = await said(/Writes are refused/);
      expect(msg).toMatch(sentence);
      const url = await whereItIs();
      expect((await ask(url, 'GET', '/livez')).status).toBe(200);
      const ready = await ask(url, 'GET', '/readyz');
      expect([ready.status, ready.body.type]).toEqual([503, 'urn:problem:messenger:not-ready']);
      expect(ready.body.detail).toMatch(sentence);

      expectRefused(await writeAll(url, 'Too early or too late'));
      expect(await rowsIn(options)).toEqual(before);

      const inbox = await ask(url, 'GET', '/api/conversations/user/ben');
      expect([inbox.status, inbox.body.data?.[0]?.last_message_content]).toEqual([200, 'Hello']);
      expect((await ask(url, 'GET', '/api/users/ada')).status).toBe(200);
    },
  );

  test.each([
    ['ahead', '+1h'],
    ['back', '-1h'],
  ])('is set %s by an hour while it runs refuses writes until it is corrected', async (_, step) => {
    const { env, set } = settableClock(library!);
    const { said, url: whereItIs } = startService(options, env);
    await said(/^Ready at /);
    const url = await whereItIs();
    expect((await writeAll(url, 'Before')).map(({ status }) => status)).toEqual([201, 201, 201, 200]);

    const before = await rowsIn(options);
    set(step);
    expectRefused(await writeAll(url, 'Meanwhile'));
    expect((await said(/Writes are refused/)).msg).toMatch(/3\d{6} ms (ahead of|behind) Cassandra's/);
    expect((await ask(url, 'GET', '/readyz')).status).toBe(503);
    expect((await ask(url, 'GET', '/api/conversations/user/ben')).status).toBe(200);
    expect(await rowsIn(options)).toEqual(before);

    set('+0s');
    await said(/agrees with Cassandra's again/);
    expect((await ask(url, 'GET', '/readyz')).status).toBe(200);
    const sentAt = Date.now();
    const { status, body } = await ask(url, 'POST', '/api/messages', {
      sender_id: 'ada',
      receiver_id: 'ben',
      content: 'After',
    });
    expect(status).toBe(201);
    expect(Date.parse(body.created_at!)).toBeGreaterThan(sentAt - 2_000);
    expect(Date.parse(body.created_at!)).toBeLessThan(Date.now() + 2_000);
    const inbox = await ask(url, 'GET', '/api/conversations/user/ben');
    expect(inbox.body.data?.[0]?.last_message_content).toBe('After');
  });

  test('is set ahead by an hour returns no cursor from the future, and its followers miss nothing', async () => {
    const { env, set } = settableClock(library!);
    const wrong = startService(options, env);
    const right = startService(options);
    await Promise.all([wrong, right].map(({ said }) => said(/^Ready at /)));
    const [wrongUrl, rightUrl] = [await wrong.url(), await right.url()];
    const user = `ben-${randomUUID()}`;
    const path = `/api/events/user/${user}`;
    const sendTo = async (content: string): Promise<string | undefined> => {
      const message = { sender_id: 'ada', receiver_id: user, content };
      return (await ask(rightUrl, 'POST', '/api/messages', message)).body.id;
    };
    /** Decoded cursors may not be above the earliest event that can still become visible. */
    const expectNotAhead = (cursor: string): void => {
      const { floor } = eventCursorFrom(user as UserId, cursor) ?? {};
      expect(floor).toBeDefined();
      const window = visibilityWindow(
        latenessLimits({ requestTimeoutMs: REQUEST_TIMEOUT_MS, maxClockSkewMs: 2_000 }),
      );
      expect(microsecondsOf(floor!)).toBeLessThanOrEqual(Date.now() * 1_000 - window + 2_000_000);
    };
    const stream = await openStream(at(wrongUrl), path);
    expectNotAhead((await stream.next())?.id ?? '');

    set('+1h');
    const sent = [await sendTo('While the clock is ahead')];
    expectRefused([
      await ask(wrongUrl, 'GET', path),
      await ask(wrongUrl, 'GET', `${path}?cursor=${stream.lastId()}`),
    ]);
    const heartbeat = await stream.next();
    expect(heartbeat?.data).toBeUndefined();
    expectNotAhead(stream.lastId());
    const elsewhere = await openStream(at(rightUrl), path, { 'Last-Event-ID': stream.lastId() });
    expect((await elsewhere.nextEvent()).data.id).toBe(sent[0]);
    expectNotAhead(elsewhere.lastId());

    set('+0s');
    await wrong.said(/agrees with Cassandra's again/);
    sent.push(await sendTo('Afterwards'));
    expect([(await stream.nextEvent()).data.id, (await stream.nextEvent()).data.id]).toEqual(sent);
    expectNotAhead(stream.lastId());
    await Promise.all([stream.close(), elsewhere.close()]);
  });
});

/** Sends the requests of the HTTP client of tests to a real service. */
function at(url: string): Fetch {
  return (request) => fetch(new Request(request.url.replace(ORIGIN, url), request));
}
