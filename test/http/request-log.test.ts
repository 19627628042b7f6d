import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { makePseudonymize } from '../../src/adapters/system/pseudonymize.ts';
import type { Log } from '../../src/application/ports/log.ts';
import { sendRequest, get, send, type Fetch } from './client.ts';
import { guarded, openGuardedApp } from './guarded-app.ts';
import { openApp } from './open-app.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

/** A log that records the access log. */
function requestLog() {
  const lines: Record<string, unknown>[] = [];
  const log: Log = {
    info: (fields, message) => {
      if (message === 'Request completed') lines.push({ ...fields });
    },
    warn: () => undefined,
    error: () => undefined,
  };
  return { lines, log };
}

function open(changed: Parameters<typeof openApp>[0]): Fetch {
  const app = openApp(changed);
  return async (request) => app.fetch(request);
}

describe('the access log line', () => {
  test('has the request id, the route without ids, the status and the duration', async () => {
    const { lines, log } = requestLog();
    const answer = await get(open({ log }), '/api/conversations/user/somebody?limit=5');
    const { durationMs, ...rest } = lines[0] ?? {};
    assert.deepEqual(rest, {
      requestId: answer.headers.get('X-Request-Id'),
      method: 'GET',
      route: '/api/conversations/user/{user_id}',
      status: 200,
    });
    assert.ok(typeof durationMs === 'number' && durationMs >= 0 && durationMs < 60_000);
  });

  test('has the route of a request that is rejected before it, and none for an unknown path', async () => {
    const { lines, log } = requestLog();
    const app = openGuardedApp({ log });
    const fetch: Fetch = async (request) => app.fetch(request);
    await get(fetch, '/api/users/somebody');
    await sendRequest(fetch, 'DELETE', '/version');
    await get(fetch, '/nowhere/at/all');
    assert.deepEqual(
      lines.map(({ route, status }) => [route, status]),
      [
        ['/api/users/{user_id}', 401],
        [null, 405],
        [null, 404],
      ],
    );
  });

  test('has the request ids of the client, if they are valid', async () => {
    const { lines, log } = requestLog();
    const fetch = open({ log });
    const given = { 'X-Request-Id': 'from-the-proxy', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
    await sendRequest(fetch, 'GET', '/api/users/somebody', { headers: given });
    assert.equal(lines[0]?.['requestId'], 'from-the-proxy');
    assert.equal(lines[0]['traceId'], TRACE);
    for (const traceparent of ['00-short-01', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, TRACE]) {
      const headers = { 'X-Request-Id': 'two words', traceparent };
      await sendRequest(fetch, 'GET', '/api/users/somebody', { headers });
      assert.match(String(lines.at(-1)?.['requestId']), /^[0-9a-f-]{36}$/);
      assert.equal(lines.at(-1)?.['traceId'], undefined);
    }
  });

  test('has one name for all unknown methods', async () => {
    const { lines, log } = requestLog();
    const fetch = open({ log });
    for (const method of ['BREW', 'GETS', 'TRACK-ME']) await sendRequest(fetch, method, '/livez');
    assert.deepEqual(
      lines.map(({ method, status }) => [method, status]),
      ['_OTHER', '_OTHER', '_OTHER'].map((method) => [method, 405]),
    );
  });

  test('is absent for successful health checks', async () => {
    const { lines, log } = requestLog();
    const fetch = open({ log });
    for (const path of ['/livez', '/readyz']) await get(fetch, path);
    assert.deepEqual(lines, []);
  });

  test('contains no user, or the keyed hash of one', async () => {
    const withKey = async (key: string | null): Promise<unknown[]> => {
      const { lines, log } = requestLog();
      const app = openGuardedApp({ log, pseudonymize: key === null ? null : makePseudonymize(key) });
      const { as } = guarded(async (request) => app.fetch(request));
      for (const user of ['user-one', 'user-one', 'user-two']) await send(as(user), user, 'user-three');
      return lines.map(({ user }) => user);
    };
    assert.deepEqual(await withKey(null), [undefined, undefined, undefined]);
    const [one, again, two] = await withKey('a key of sixteen');
    assert.match(String(one), /^[\w-]{16}$/);
    assert.equal(again, one);
    assert.notEqual(two, one);
    assert.notEqual((await withKey('another key, as long'))[0], one);
  });
});
