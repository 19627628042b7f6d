import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test, vi } from 'vitest';
import type { Peer } from '../../src/adapters/http/middleware/rate-limit.ts';
import { makeAuthenticate } from '../../src/adapters/http/middleware/authentication.ts';
import { ALLOW_ALL, type AccessPolicy } from '../../src/adapters/http/middleware/access-policy.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { sendRequest, get, ORIGIN, problemIn, type Fetch } from './client.ts';
import { guarded, SECRET } from './guarded-app.ts';
import { openApp } from './open-app.ts';

const message = { sender_id: 'anna', receiver_id: 'ben', content: 'Hello' };
/** A burst of two, and then almost none. */
const TWO = { limit: 1, seconds: 60, burst: 2 };

const authenticate = makeAuthenticate({
  rules: {
    signatures: { secret: SECRET, algorithms: ['HS256'] },
    issuer: null,
    audience: null,
    toleranceSeconds: 0,
  },
  clock: makeClock(),
});

/** Requests from an address to an app with this accessPolicy. */
function opened(accessPolicy: Partial<AccessPolicy>): (peer?: Peer) => Fetch {
  const app = openApp({ accessPolicy: { ...ALLOW_ALL, ...accessPolicy } });
  return (peer) => async (request) => app.fetch(request, peer);
}

const from = (remoteAddress: string) => ({ remoteAddress });
const read = (fetch: Fetch, headers: Record<string, string> = {}) =>
  sendRequest(fetch, 'GET', '/api/users/anna', { headers }).then(({ status }) => status);

describe('a rate limit', () => {
  // Its time passes only where a test says so.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  test('allows a burst, then responds 429 with the time until the next request', async () => {
    const fetch = opened({ rateLimits: { writes: TWO, reads: null } })(from('10.0.0.1'));
    for (const left of [1, 0]) {
      const { status, headers } = await sendRequest(fetch, 'POST', '/api/messages', { body: message });
      assert.equal(status, 201);
      assert.equal(headers.get('RateLimit-Policy'), '"writes";q=2;w=120');
      assert.match(headers.get('RateLimit') ?? '', new RegExp(`^"writes";r=${left};t=${(2 - left) * 60}$`));
    }
    const answer = await sendRequest(fetch, 'POST', '/api/messages', { body: message });
    problemIn(answer, 429, 'rate-limited');
    assert.equal(answer.headers.get('Retry-After'), '60');
    assert.equal(answer.headers.get('RateLimit'), '"writes";r=0;t=120');
    // Reads have a separate limit, which is off here.
    const other = await get(fetch, '/api/users/anna');
    assert.equal(other.status, 404);
    assert.equal(other.headers.get('RateLimit'), null);
    assert.equal((await get(fetch, '/livez')).status, 200);
  });

  test('recovers with time', async () => {
    const fetch = opened({ rateLimits: { writes: null, reads: { limit: 20, seconds: 1, burst: 1 } } })();
    assert.equal(await read(fetch), 404);
    vi.advanceTimersByTime(49);
    assert.equal(await read(fetch), 429);
    vi.advanceTimersByTime(1);
    assert.equal(await read(fetch), 404);
  });

  test('applies per address; for IPv6, per network prefix', async () => {
    const app = opened({ rateLimits: { writes: null, reads: { ...TWO, burst: 1 } } });
    assert.equal(await read(app(from('10.0.0.1'))), 404);
    assert.equal(await read(app(from('::ffff:10.0.0.1'))), 429);
    assert.equal(await read(app(from('10.0.0.2'))), 404);
    assert.equal(await read(app(from('2001:db8::1'))), 404);
    assert.equal(await read(app(from('2001:db8:0:0:ffff::2'))), 429);
    assert.equal(await read(app(from('2001:db8:0:1::1'))), 404);
    // A header of the client itself is not trusted.
    assert.equal(await read(app(from('10.0.0.1')), { 'X-Forwarded-For': '10.0.0.9' }), 429);
  });

  test('applies to the address that the outermost trusted proxy saw', async () => {
    const app = opened({ trustedProxies: 2, rateLimits: { writes: null, reads: { ...TWO, burst: 1 } } });
    const proxy = app(from('10.0.0.1'));
    const via = (list: string) => read(proxy, { 'X-Forwarded-For': list });
    assert.equal(await via('198.51.100.7, 10.0.0.2'), 404);
    assert.equal(await via('203.0.113.1, 198.51.100.7,10.0.0.3'), 429);
    assert.equal(await via('198.51.100.8, 10.0.0.2'), 404);
    // Not through the proxies.
    assert.equal(await via('198.51.100.9'), 404);
    assert.equal(await via('198.51.100.10'), 429);
  });

  test('applies to the forwarded address, in any notation', async () => {
    const app = opened({ trustedProxies: 1, rateLimits: { writes: null, reads: { ...TWO, burst: 1 } } });
    const proxy = app(from('10.0.0.1'));
    const via = (address: string) => read(proxy, { 'X-Forwarded-For': address });
    for (const [first, ...others] of [
      ['5.5.5.5', '5.5.5.5:1', '5.5.5.5:2', '::ffff:5.5.5.5', '[::FFFF:5.5.5.5]:80', '::ffff:505:505'],
      [
        '2001:db8:a::1',
        '2001:DB8:A::2',
        '[2001:db8:a::3]',
        '[2001:0db8:000A::4]:443',
        '2001:db8:a:0:f::1%eth0',
      ],
    ] as const) {
      assert.equal(await via(first), 404);
      for (const other of others) assert.equal(await via(other), 429, other);
    }
  });

  test('applies to the proxy if it forwards no address', async () => {
    const app = opened({ trustedProxies: 1, rateLimits: { writes: null, reads: { ...TWO, burst: 1 } } });
    const proxy = app(from('10.0.0.1'));
    const via = (address: string) => read(proxy, { 'X-Forwarded-For': address });
    assert.equal(await read(proxy), 404);
    for (const none of [
      '',
      ' ',
      'unknown',
      '_hidden',
      '1',
      '0x7f.1',
      '5.5.5.5:',
      '5.5.5.5:port',
      '5.5.5.256',
      '05.5.5.5',
      '[::1',
      '[5.5.5.5]',
      '::1::2',
      'x'.repeat(7_000),
      `5.5.5.5${' '.repeat(7_000)}x`,
    ]) {
      assert.equal(await via(none), 429, none.slice(0, 30));
    }
  });

  test('applies to a user at any address, and not to services', async () => {
    const app = opened({ authenticate, rateLimits: { writes: null, reads: { ...TWO, burst: 1 } } });
    const here = guarded(app(from('10.0.0.1')));
    const there = guarded(app(from('10.0.0.2')));
    assert.equal(await read(here.as('anna')), 404);
    assert.equal(await read(there.as('anna')), 429);
    assert.equal(await read(here.as('ben')), 404);
    for (let n = 0; n < 5; n += 1) assert.equal(await read(here.service), 404);
    assert.equal(await read(here.anyone), 401);
  });
});

describe('a page in a browser', () => {
  const page = { Origin: 'https://chat.example' };
  const preflight = { ...page, 'Access-Control-Request-Method': 'POST' };

  test('of another site is refused everywhere, unless it is listed', async () => {
    const closed = opened({})();
    const refused = await sendRequest(closed, 'OPTIONS', '/api/messages', { headers: preflight });
    problemIn(refused, 405, 'method-not-allowed');
    const answer = await sendRequest(closed, 'GET', '/api/users/anna', { headers: page });
    assert.equal(answer.headers.get('Access-Control-Allow-Origin'), null);
  });

  test('of a listed site can send requests and read the responses', async () => {
    const fetch = opened({ authenticate, corsOrigins: ['https://chat.example', 'https://b.example'] })();
    const preflightResponse = await fetch(
      new Request(`${ORIGIN}/api/messages`, { method: 'OPTIONS', headers: preflight }),
    );
    assert.equal(preflightResponse.status, 204);
    assert.equal(preflightResponse.headers.get('Access-Control-Allow-Origin'), 'https://chat.example');
    assert.match(
      preflightResponse.headers.get('Access-Control-Allow-Headers') ?? '',
      /Authorization.*Idempotency-Key/,
    );
    assert.equal(preflightResponse.headers.get('Access-Control-Allow-Credentials'), null);
    // The same for errors.
    const answer = await sendRequest(fetch, 'POST', '/api/messages', { body: message, headers: page });
    problemIn(answer, 401, 'token-missing');
    assert.equal(answer.headers.get('Access-Control-Allow-Origin'), 'https://chat.example');
    assert.match(answer.headers.get('Access-Control-Expose-Headers') ?? '', /X-Request-Id/);
    assert.equal(answer.headers.get('Vary'), 'Origin');
    const fromOtherOrigin = await sendRequest(fetch, 'GET', '/api/users/anna', {
      headers: { Origin: 'https://chat.example.evil' },
    });
    assert.equal(fromOtherOrigin.headers.get('Access-Control-Allow-Origin'), null);
  });

  test('of a listed site can read the reason of a refusal and Retry-After', async () => {
    const origin = 'https://chat.example';
    const accessPolicy = { ...ALLOW_ALL, corsOrigins: [origin] };
    const never = () => new Promise<never>(() => undefined);
    const busy = openApp({
      accessPolicy,
      maxRequestsInFlight: 1,
      storage: { ...memoryStorage(), users: { find: never, save: never } },
    });
    void busy.request('/api/users/anna');
    await new Promise(setImmediate);
    const limited = { writes: { ...TWO, burst: 1 }, reads: null };
    const rated = openApp({ accessPolicy: { ...accessPolicy, rateLimits: limited } });
    const guardedApp = openApp({ accessPolicy: { ...accessPolicy, authenticate } });
    const open = openApp({ accessPolicy });
    const fetchOf = (app: typeof open) => async (request: Request) => app.fetch(request);
    const post = { body: message, headers: page };
    assert.equal((await sendRequest(fetchOf(rated), 'POST', '/api/messages', post)).status, 201);

    const refusals = {
      'overloaded 503': await sendRequest(fetchOf(busy), 'POST', '/api/messages', post),
      'rate-limited 429': await sendRequest(fetchOf(rated), 'POST', '/api/messages', post),
      'token-missing 401': await sendRequest(fetchOf(guardedApp), 'POST', '/api/messages', post),
      'body-too-large 413': await sendRequest(fetchOf(open), 'POST', '/api/messages', {
        ...post,
        body: ' '.repeat(256 * 1024 + 1),
      }),
      'unsupported-media-type 415': await sendRequest(fetchOf(open), 'POST', '/api/messages', {
        ...post,
        headers: { ...page, 'Content-Type': 'text/plain' },
      }),
      'method-not-allowed 405': await sendRequest(fetchOf(open), 'DELETE', '/api/messages', {
        headers: page,
      }),
      'path-not-found 404': await sendRequest(fetchOf(open), 'GET', '/api/nowhere', { headers: page }),
    };
    for (const [name, answer] of Object.entries(refusals)) {
      const [type = '', status] = name.split(' ');
      problemIn(answer, Number(status), type);
      assert.equal(answer.headers.get('Access-Control-Allow-Origin'), origin, name);
      assert.equal(answer.headers.get('Vary'), 'Origin', name);
      const exposed = (answer.headers.get('Access-Control-Expose-Headers') ?? '').split(',');
      for (const header of ['Retry-After', 'RateLimit', 'WWW-Authenticate', 'Allow', 'X-Request-Id']) {
        assert.ok(exposed.includes(header), `${name}: ${header}`);
      }
    }
    assert.equal(refusals['overloaded 503'].headers.get('Retry-After'), '1');

    // A refused preflight would be a network error for the page.
    for (const app of [busy, rated, guardedApp]) {
      const preflightResponse = await app.request('/api/messages', { method: 'OPTIONS', headers: preflight });
      assert.equal(preflightResponse.status, 204);
      assert.equal(preflightResponse.headers.get('Access-Control-Allow-Origin'), origin);
    }
  });

  test('gets security headers with every response', async () => {
    const fetch = opened({})();
    for (const path of [
      '/api/users/anna',
      '/nowhere',
      '/livez',
      '/openapi.json',
      '/docs/swagger-ui-dist/swagger-ui.css',
    ]) {
      const { headers } = await get(fetch, path);
      assert.equal(headers.get('X-Content-Type-Options'), 'nosniff', path);
      assert.equal(headers.get('X-Frame-Options'), 'DENY');
      assert.equal(headers.get('Referrer-Policy'), 'no-referrer');
      assert.equal(headers.get('Cross-Origin-Resource-Policy'), 'same-origin');
      assert.equal(headers.get('Content-Security-Policy'), "default-src 'none'; frame-ancestors 'none'");
    }
    const policy = (await get(fetch, '/docs')).headers.get('Content-Security-Policy') ?? '';
    assert.match(policy, /default-src 'none'; script-src 'self' 'sha256-[\w+/]{43}=';/);
    assert.doesNotMatch(policy, /unsafe|http|\*/);
  });
});
