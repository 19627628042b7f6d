import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'vitest';
import { makeMetricsApp } from '../../src/adapters/http/app.ts';
import { makeMetrics } from '../../src/adapters/prometheus/metrics.ts';
import { beginSend, startProcess } from '../support/service-process.ts';
import {
  sendRequest,
  freshUser,
  get,
  historyOf,
  inboxOf,
  problemIn,
  type Fetch,
  type Message,
} from './client.ts';
import { openApp } from './open-app.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const makeTestMetrics = () =>
  makeMetrics({
    concurrencyLimiter: () => ({ inProgress: 0, limit: 64, rejected: 0 }),
    pools: null,
    clock: null,
    eventConnections: () => ({ open: 0, limit: 0 }),
    brokerConnected: null,
  });

/** The app with metrics at /metrics. */
function openCountingApp(): Fetch {
  const metrics = makeTestMetrics();
  const app = openApp({ metrics, telemetry: metrics.telemetry });
  return async (request) => app.fetch(request);
}

/** Request counts by `METHOD route status`. */
async function countsIn(fetch: Fetch): Promise<Record<string, number>> {
  const { text } = await get(fetch, '/metrics');
  const lines = text.matchAll(
    /^http_server_request_duration_seconds_count\{method="(.*)",route="(.*)",status="(.*)"\} (\d+)$/gm,
  );
  return Object.fromEntries(
    [...lines].map(([, method, route, status, count]) => [`${method} ${route} ${status}`, Number(count)]),
  );
}

describe('the metrics', () => {
  test('are in the Prometheus text format', async () => {
    const { status, headers, text } = await get(openCountingApp(), '/metrics');
    assert.equal(status, 200);
    assert.match(headers.get('Content-Type') ?? '', /^text\/plain; version=0\.0\.4; charset=utf-8$/);
    assert.equal(headers.get('Cache-Control'), 'no-store');
    assert.match(text, /^# TYPE http_server_request_duration_seconds histogram$/m);
    assert.ok(text.endsWith('\n'));
  });

  test('count each request by route and status, and replays separately', async () => {
    const fetch = openCountingApp();
    const [sender_id, receiver_id] = [freshUser(), freshUser()];
    const body = { sender_id, receiver_id, content: 'Hello' };
    const headers = { 'Idempotency-Key': 'k-1' };
    for (const path of ['/api/messages', '/api/messages', '/api/messages/send']) {
      await sendRequest(fetch, 'POST', path, { body, headers });
    }
    await sendRequest(fetch, 'POST', '/api/messages', { body: '{' });
    await sendRequest(fetch, 'POST', '/api/messages', { body: { ...body, content: '' } });
    await get(fetch, inboxOf(sender_id));
    await get(fetch, inboxOf(receiver_id));
    await get(fetch, `${inboxOf(receiver_id)}?limit=0`);
    await get(fetch, '/api/users/nobody');
    await get(fetch, '/livez');
    await get(fetch, '/nowhere');
    await sendRequest(fetch, 'BREW', '/livez');
    await sendRequest(fetch, 'DELETE', '/api/messages');
    assert.deepEqual(await countsIn(fetch), {
      'POST /api/messages 201': 2,
      'POST /api/messages/send 201': 1,
      'POST /api/messages 400': 2,
      'GET /api/conversations/user/{user_id} 200': 2,
      'GET /api/conversations/user/{user_id} 400': 1,
      'GET /api/users/{user_id} 404': 1,
      'GET /livez 200': 1,
      'GET none 404': 1,
      '_OTHER none 405': 1,
      'DELETE none 405': 1,
    });
    const { text } = await get(fetch, '/metrics');
    assert.match(text, /^messenger_idempotency_replays_total 2$/m);
  });

  test('contain no user, conversation, message, content or key', async () => {
    const fetch = openCountingApp();
    const secrets = new Set<string>();
    const secret = (): string => {
      const made = freshUser();
      secrets.add(made);
      return made;
    };
    for (let round = 0; round < 5; round += 1) {
      const [sender_id, receiver_id] = [secret(), secret()];
      const requestId = randomUUID();
      secrets.add(requestId);
      const headers = { 'Idempotency-Key': secret(), 'X-Request-Id': requestId };
      const body = { sender_id, receiver_id, content: secret() };
      const sent = (await sendRequest(fetch, 'POST', '/api/messages', { body, headers })).body as Message;
      secrets.add(sent.id).add(sent.conversation_id);
      await sendRequest(fetch, 'POST', '/api/messages', { body: { ...body, content: secret() }, headers });
      await sendRequest(fetch, 'PUT', `/api/users/${sender_id}`, { body: { username: secret() } });
      await sendRequest(fetch, 'POST', '/api/conversations', {
        body: { participant_ids: [sender_id, secret()] },
      });
      for (const path of [
        historyOf(sent.conversation_id),
        `${historyOf(sent.conversation_id)}?cursor=${secret()}`,
        `${historyOf(sent.conversation_id)}/before?timestamp=${sent.created_at}`,
        inboxOf(sender_id),
        `/api/conversations/${sent.conversation_id}`,
        `/api/conversations/${secret()}`,
        `/api/users/${secret()}`,
        `/${secret()}`,
        `/docs/swagger-ui-dist/${secret()}`,
        `/api/messages/conversation/${secret()}/${secret()}`,
      ]) {
        await get(fetch, path);
        await sendRequest(fetch, 'PATCH', path);
        await sendRequest(fetch, 'HEAD', path);
      }
    }
    const { text } = await get(fetch, '/metrics');
    assert.ok(secrets.size > 50);
    for (const each of secrets) assert.ok(!text.includes(each), each);
    // Nor anything of their format.
    const series = [...text.matchAll(/^\w+\{(.*)\}/gm)].map(([, labels = '']) => labels);
    for (const labels of series) assert.doesNotMatch(labels, /user-|[\da-f]{8}-[\da-f]{4}-|\d{4}-\d\d-\d\d/);
  });

  test('are not on the main port if they have their own port', async () => {
    const app = openApp();
    problemIn(await get(async (request) => app.fetch(request), '/metrics'), 404, 'path-not-found');
  });
});

describe('a metrics port', () => {
  const metrics = makeTestMetrics();
  let problems: readonly string[] = [];
  const deps = {
    metrics,
    log: silent,
    readinessProblems: () => Promise.resolve(problems),
    build: { version: '0.0.0', commit: null },
  };
  const app = makeMetricsApp(deps);
  const fetch: Fetch = async (request) => app.fetch(request);

  test('serves the metrics, and does not count these requests', async () => {
    assert.equal((await get(fetch, '/metrics')).status, 200);
    assert.equal((await get(fetch, '/metrics/')).status, 200);
    assert.deepEqual(await countsIn(fetch), {});
  });

  test('serves liveness and readiness, independent of the load of clients', async () => {
    assert.equal((await get(fetch, '/livez')).status, 200);
    assert.equal((await get(fetch, '/readyz')).status, 200);
    problems = ['Cassandra is not reached yet.'];
    assert.equal((await get(fetch, '/livez')).status, 200);
    const { detail } = problemIn(await get(fetch, '/readyz'), 503, 'not-ready');
    assert.equal(detail, 'Cassandra is not reached yet.');
    problems = [];
    assert.deepEqual(await countsIn(fetch), {});
  });

  test('responds with the same errors as the service', async () => {
    problemIn(await get(fetch, '/'), 404, 'path-not-found');
    problemIn(await get(fetch, '/api/users/alice'), 404, 'path-not-found');
    problemIn(await get(fetch, '/%ff'), 400, 'malformed-path');
    const refused = await sendRequest(fetch, 'POST', '/metrics', { body: {} });
    problemIn(refused, 405, 'method-not-allowed');
    assert.equal(refused.headers.get('Allow'), 'GET, HEAD');
  });

  test('reveals no cause if the metrics fail', async () => {
    const text = () => Promise.reject(new Error('secret'));
    const broken = makeMetricsApp({ ...deps, metrics: { ...metrics, text } });
    const answer = await get(async (request) => broken.fetch(request), '/metrics');
    problemIn(answer, 500, 'internal-error');
    assert.doesNotMatch(answer.text, /secret/);
  });
});

describe('the process', () => {
  const metricsUrl = async ({ said }: ReturnType<typeof startProcess>): Promise<string> =>
    (await said(/^Metrics at /)).msg.replace('Metrics at ', '');

  test('serves them on the main port by default', async () => {
    const { url } = startProcess({ PORT: '0', HOST: '127.0.0.1' });
    const address = await url();
    await fetch(`${address}/livez`);
    const text = await (await fetch(`${address}/metrics`)).text();
    assert.match(text, /_count\{method="GET",route="\/livez",status="200"\} 1$/m);
    assert.match(text, /^messenger_requests_limit 64$/m);
  });

  test('counts and logs the rejections of its server, and lets a page of a listed site read them', async () => {
    const service = startProcess({ PORT: '0', CORS_ORIGINS: 'https://chat.example' });
    const address = await service.url();
    const said = (sent: string): Promise<string> => {
      const socket = connect(Number(new URL(address).port), '127.0.0.1');
      socket.write(sent);
      return text(socket);
    };
    await said('junk\r\n\r\n');
    await said(`GET / HTTP/1.1\r\nX: ${'x'.repeat(17_000)}`);
    const answer = await said(
      'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\nOrigin: https://chat.example\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /\r\nAccess-Control-Allow-Origin: https:\/\/chat\.example\r\n/i);
    assert.match(answer, /urn:problem:messenger:malformed-request/);
    const metrics = await (await fetch(`${address}/metrics`)).text();
    assert.match(metrics, /^http_server_rejected_requests_total\{reason="malformed_request"\} 2$/m);
    assert.match(metrics, /^http_server_rejected_requests_total\{reason="header_too_large"\} 1$/m);
    service.child.kill('SIGINT');
    const { lines } = await service.ended;
    const rejected = lines.filter(({ msg }) => msg === 'The server rejected a request') as unknown as {
      readonly reason: string;
      readonly status: number;
      readonly requestId: string;
    }[];
    assert.deepEqual(
      rejected.map(({ reason, status }) => [reason, status]),
      [
        ['malformed_request', 400],
        ['header_too_large', 431],
        ['malformed_request', 400],
      ],
    );
    assert.ok(answer.includes(rejected[2]!.requestId));
  });

  test('serves them only on METRICS_PORT, until its last request is answered', async () => {
    const service = startProcess({ PORT: '0', METRICS_PORT: '0', HOST: '127.0.0.1' });
    const address = await service.url();
    const metrics = await metricsUrl(service);
    assert.equal((await fetch(`${address}/metrics`)).status, 404);
    const text = await (await fetch(metrics)).text();
    assert.match(text, /_count\{method="GET",route="none",status="404"\} 1$/m);
    for (const path of ['/livez', '/readyz']) {
      assert.equal((await fetch(metrics.replace('/metrics', path))).status, 200, path);
      assert.equal((await fetch(address + path)).status, 200, path);
    }
    assert.equal((await fetch(metrics.replace('/metrics', '/api/users/anna'))).status, 404);

    const { finish } = await beginSend(address, { sender_id: 'ada', receiver_id: 'ben', content: 'Hello' });
    service.child.kill('SIGTERM');
    await service.said(/^SIGTERM/);
    assert.equal((await fetch(metrics)).status, 200);
    assert.equal((await fetch(metrics.replace('/metrics', '/readyz'))).status, 503);
    assert.equal((await finish()).statusCode, 201);
    const { code, lines, errors } = await service.ended;
    assert.deepEqual([code, lines.at(-1)?.msg, errors], [0, 'Stopped', '']);
  });

  test('does not start if that port is taken, and names the setting', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const env = { PORT: '0', HOST: '127.0.0.1', METRICS_PORT: String(port) };
    const { code, lines } = await startProcess(env).ended;
    other.close();
    assert.equal(code, 1);
    assert.deepEqual(
      [lines.at(-1)?.level, lines.at(-1)?.msg],
      ['fatal', `Port ${port} is in use by another process: set METRICS_PORT to another port.`],
    );
  });
});
