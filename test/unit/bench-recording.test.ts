import { Client } from 'cassandra-driver';
import { afterEach, expect, test, vi } from 'vitest';
import { RecordingClient } from '../../bench/recording.ts';
import { readConfig } from '../../src/composition/config.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A client whose requests succeed without a database. */
function recordingClient(): RecordingClient {
  const answer = () => Promise.resolve({ rows: [] }) as never;
  vi.spyOn(Client.prototype, 'execute').mockImplementation(answer);
  vi.spyOn(Client.prototype, 'batch').mockImplementation(answer);
  return new RecordingClient(readConfig({}, () => '').cassandra);
}

const QUERY = 'SELECT username FROM users WHERE user_id = ?';

test('the work of an operation has no requests that something else sends meanwhile', async () => {
  const client = recordingClient();
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const check = begun.then(() => client.execute('SELECT value FROM system_views.settings', [], {}));
  const work = await client.workOf(async () => {
    begin();
    await check;
    await client.execute(QUERY, ['ada'], {});
    void client.execute(QUERY, ['bob'], {});
  });
  expect(work.requests).toHaveLength(2);
  expect(work.requests.every((request) => request.includes('users'))).toBe(true);
  expect(work.steps).toBe(1);
});

test.each([
  ['another consistency', QUERY, { prepare: true, consistency: 1 }],
  ['no preparation', QUERY, { prepare: false, consistency: 6 }],
  ['other columns', QUERY.replace('username', 'username, created'), { prepare: true, consistency: 6 }],
])('the work of requests differs by %s', async (_, query, options) => {
  const client = recordingClient();
  const workOf = (text: string, options: object) =>
    client.workOf(() => client.execute(text, ['ada'], options));
  const usual = await workOf(QUERY, { prepare: true, consistency: 6, readTimeout: 100 });
  expect(await workOf(`\n  ${QUERY}`, { consistency: 6, prepare: true })).toEqual(usual);
  expect(await workOf(query, options)).not.toEqual(usual);
});

test('the work of a batch differs if it is logged', async () => {
  const client = recordingClient();
  const workOf = (logged: boolean) =>
    client.workOf(() => client.batch([{ query: QUERY, params: ['ada'] }], { logged }));
  expect(await workOf(true)).not.toEqual(await workOf(false));
});
