import { randomUUID } from 'node:crypto';
import type { Client } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeClient, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { cassandraClocks } from '../../src/adapters/cassandra/clock-measurement.ts';
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
    ...clock,
  });
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: {
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
    expect(Math.abs(Date.parse(body.created_at!) - sentAt)).toBeLessThan(2_000);
    const inbox = await ask(url, 'GET', '/api/conversations/user/ben');
    expect(inbox.body.data?.[0]?.last_message_content).toBe('After');
  });
});
