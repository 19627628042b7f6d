import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { storageThat } from '../contracts/mutants.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import { ALLOW_ALL } from '../../src/adapters/http/middleware/access-policy.ts';
import type { Log } from '../../src/application/ports/log.ts';
import { StorageFailure, type StorageFailureKind } from '../../src/application/ports/storage-failure.ts';
import { sendRequest, get, ORIGIN, problemIn, type TextResponse, type Fetch } from './client.ts';
import { documented } from './documented.ts';
import { openApp } from './open-app.ts';
import { API_REQUESTS, openApiDocument } from './operations.ts';

/** Texts that no response may contain: of a driver error and of a bug. */
const SECRET = 'All host(s) tried for query SELECT * FROM messages failed at 10.0.0.7:9042';

const message = { sender_id: 'alice', receiver_id: 'bob', content: 'Hello' };

/** Requests that read and requests that write, by their methods. */
const READS = API_REQUESTS.filter(({ method }) => method === 'GET');
const WRITES = API_REQUESTS.filter(({ method }) => method !== 'GET');

/** A log that records warnings and errors, without the access log. */
function recordingLog() {
  const lines: { level: keyof Log; fields: object; message: string }[] = [];
  const record = (level: keyof Log) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  const log: Log = { info: () => undefined, warn: record('warn'), error: record('error') };
  return { lines, log };
}

function open(changed: Parameters<typeof openApp>[0]): Fetch {
  const app = openApp(changed);
  return documented(async (request) => app.fetch(request), openApiDocument);
}

function assertNothingShown(answer: TextResponse): void {
  const all = answer.text + JSON.stringify([...answer.headers]);
  assert.doesNotMatch(all, /SELECT|10\.0\.0\.7|host\(s\)|\.ts|node_modules|\bat /);
}

describe('when storage fails', () => {
  const failing = (kind: StorageFailureKind) =>
    storageThat(() => Promise.reject(new StorageFailure(kind, { cause: new Error(SECRET) })));

  test('the response is a 503 that says whether the write may have been applied, with Retry-After', async () => {
    const cases = [
      ['unavailable', 'storage-unavailable'],
      ['outcome_unknown', 'outcome-unknown'],
    ] as const;
    for (const [kind, type] of cases) {
      const fetch = open({ storage: failing(kind) });
      for (const { method, path, body } of API_REQUESTS) {
        const answer = await sendRequest(fetch, method, path, { body });
        problemIn(answer, 503, type);
        assert.equal(answer.headers.get('Retry-After'), '1');
        assertNothingShown(answer);
      }
    }
  });

  test('a use case that exceeds the timeout is a 503; a write has an unknown outcome', async () => {
    const never = storageThat(() => new Promise(() => undefined));
    const fetch = open({ storage: never, requestTimeoutMs: 20 });
    for (const { method, path, body } of READS) {
      problemIn(await sendRequest(fetch, method, path, { body }), 503, 'storage-unavailable');
    }
    for (const { method, path, body } of WRITES) {
      problemIn(await sendRequest(fetch, method, path, { body }), 503, 'outcome-unknown');
    }
  });

  test('the cause is logged with the request id', async () => {
    const { log, lines } = recordingLog();
    const answer = await get(open({ storage: failing('unavailable'), log }), '/api/users/alice');
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message]),
      [['warn', 'Storage request failed.']],
    );
    const { err, requestId } = lines[0]!.fields as { err: Error; requestId: string };
    assert.equal((err.cause as Error).message, SECRET);
    assert.equal(requestId, answer.headers.get('X-Request-Id'));
  });
});

describe('while the clock is not verified', () => {
  const clockCheck = { verified: () => Promise.reject(new ClockNotVerified(SECRET)) };

  test('writes are a 503 that says that nothing was stored, with Retry-After', async () => {
    const fetch = open({ clockCheck });
    for (const { method, path, body } of WRITES) {
      const answer = await sendRequest(fetch, method, path, { body });
      const { detail } = problemIn(answer, 503, 'clock-not-verified');
      assert.match(detail, /Nothing was stored/);
      assert.equal(answer.headers.get('Retry-After'), '1');
      assertNothingShown(answer);
    }
  });

  test('reads succeed, nothing is logged, and the process is live', async () => {
    const { log, lines } = recordingLog();
    const fetch = open({ clockCheck, log });
    assert.equal((await get(fetch, '/api/conversations/user/alice')).status, 200);
    assert.equal((await get(fetch, '/api/users/alice')).status, 404);
    assert.equal((await get(fetch, '/livez')).status, 200);
    assert.deepEqual(lines, []);
  });
});

describe('when the concurrency limit is reached', () => {
  const hangingStorage = storageThat(() => new Promise(() => undefined));

  test('further requests are rejected at once, without reading the body, and nothing is logged', async () => {
    const { log, lines } = recordingLog();
    const fetch = open({ storage: hangingStorage, maxRequestsInFlight: 2, log });
    void get(fetch, '/api/users/alice');
    void sendRequest(fetch, 'POST', '/api/messages', { body: message });
    await new Promise(setImmediate);
    for (const { method, path } of API_REQUESTS) {
      const body = method === 'GET' ? undefined : { body: new ReadableStream(), duplex: 'half' };
      const answer = await fetch(new Request(ORIGIN + path, { method, ...body } as RequestInit));
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get('Retry-After'), '1');
      assert.equal(((await answer.json()) as { type: string }).type, 'urn:problem:messenger:overloaded');
    }
    assert.deepEqual(lines, []);
  });

  test('concurrent bodies are limited', async () => {
    const fetch = open({ storage: hangingStorage, maxRequestsInFlight: 1 });
    const arriving = [1, 2].map(() => sendRequest(fetch, 'POST', '/api/messages', { body: message }));
    problemIn(await Promise.race(arriving), 503, 'overloaded');
  });

  test('health checks are still answered', async () => {
    const readinessProblems = () => Promise.resolve([]);
    const fetch = open({
      storage: { ...hangingStorage, readinessProblems },
      maxRequestsInFlight: 1,
    });
    void get(fetch, '/api/users/alice');
    await new Promise(setImmediate);
    for (const path of ['/livez', '/readyz']) assert.equal((await get(fetch, path)).status, 200);
  });
});

describe('an internal error', () => {
  test('is a 500 with a fixed detail; the cause is logged', async () => {
    const { log, lines } = recordingLog();
    const fetch = open({ storage: storageThat(() => Promise.reject(new TypeError(SECRET))), log });
    for (const { method, path, body } of API_REQUESTS) {
      const answer = await sendRequest(fetch, method, path, { body });
      const { detail } = problemIn(answer, 500, 'internal-error');
      assert.equal(detail, 'The log of the service has the details under the id of this request.');
      assertNothingShown(answer);
      const { level, fields } = lines.pop()!;
      assert.equal(level, 'error');
      const { err, requestId } = fields as { err: Error; requestId: string };
      assert.equal(err.message, SECRET);
      assert.equal(requestId, answer.headers.get('X-Request-Id'));
    }
    assert.deepEqual(lines, []);
  });
});

describe('a client error', () => {
  test('is not logged as a warning', async () => {
    const { log, lines } = recordingLog();
    const fetch = open({ log });
    await sendRequest(fetch, 'POST', '/api/messages', { body: { ...message, content: '' } });
    await sendRequest(fetch, 'POST', '/api/messages', { body: '{' });
    await sendRequest(fetch, 'POST', '/api/messages', {
      body: 'x',
      headers: { 'Content-Type': 'text/plain' },
    });
    await sendRequest(fetch, 'DELETE', '/api/messages');
    await get(fetch, '/nowhere');
    await get(fetch, '/api/users/alice');
    await get(fetch, '/api/conversations/user/alice?cursor=1');
    assert.deepEqual(lines, []);
  });

  test('a too large body is not awaited, and its connection closes', async () => {
    const body = ' '.repeat(256 * 1024 + 1);
    const answer = await sendRequest(open({}), 'POST', '/api/messages', { body });
    problemIn(answer, 413, 'body-too-large');
    assert.equal(answer.headers.get('Connection'), 'close');
  });

  test('a client that disconnects during its body is not logged', async () => {
    for (const headers of [{}, { 'Content-Length': '100' }]) {
      const { log, lines } = recordingLog();
      const fetch = open({ log });
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('{"sender_id":'));
          controller.error(new Error('aborted'));
        },
      });
      problemIn(await sendRequest(fetch, 'POST', '/api/messages', { body, headers }), 400, 'malformed-body');
      assert.deepEqual(lines, []);
    }
  });
});

describe('health', () => {
  test('the process is live while storage fails', async () => {
    let touched = 0;
    const storage = storageThat(() => {
      touched += 1;
      return new Promise(() => undefined);
    });
    const { status, body } = await get(open({ storage }), '/livez');
    assert.deepEqual([status, body, touched], [200, { status: 'live' }, 0]);
  });

  test('/readyz lists the readiness problems while they last', async () => {
    let problems = ['Cassandra is not reached yet.', 'The clock is wrong.'];
    const storage = { ...memoryStorage(), readinessProblems: () => Promise.resolve(problems) };
    const fetch = open({ storage });
    const answer = await get(fetch, '/readyz');
    const { detail } = problemIn(answer, 503, 'not-ready');
    assert.equal(detail, 'Cassandra is not reached yet. The clock is wrong.');
    assert.equal(answer.headers.get('Retry-After'), '1');
    problems = [];
    assert.equal((await get(fetch, '/readyz')).status, 200);
  });

  test('concurrent readiness checks share one storage check; later ones check again', async () => {
    let requestCount = 0;
    let answer = (_: string[]): void => undefined;
    const storage = {
      ...memoryStorage(),
      readinessProblems: () => {
        requestCount += 1;
        return new Promise<string[]>((resolve) => (answer = resolve));
      },
    };
    const fetch = open({ storage });
    const sendMany = () => Promise.all(Array.from({ length: 20 }, () => get(fetch, '/readyz')));
    const statusesAfter = async (responses: ReturnType<typeof sendMany>, readinessProblems: string[]) => {
      await new Promise(setImmediate);
      answer(readinessProblems);
      return new Set((await responses).map(({ status }) => status));
    };
    assert.deepEqual([await statusesAfter(sendMany(), ['Not yet.']), requestCount], [new Set([503]), 1]);
    assert.deepEqual([await statusesAfter(sendMany(), []), requestCount], [new Set([200]), 2]);
  });

  test('a failed check is not cached', async () => {
    const failures = [new Error(SECRET)];
    const storage = {
      ...memoryStorage(),
      readinessProblems: () => {
        const failure = failures.pop();
        return failure === undefined ? Promise.resolve([]) : Promise.reject(failure);
      },
    };
    const { log } = recordingLog();
    const fetch = open({ storage, log });
    problemIn(await get(fetch, '/readyz'), 500, 'internal-error');
    assert.equal((await get(fetch, '/readyz')).status, 200);
  });
});

describe('a service without keys for tokens', () => {
  test('is not ready, and lists this with the other readiness problems', async () => {
    let problems = ['No token can be checked.'];
    const accessPolicy = { ...ALLOW_ALL, readinessProblems: () => Promise.resolve(problems) };
    const storage = {
      ...memoryStorage(),
      readinessProblems: () => Promise.resolve(['Cassandra is not reached yet.']),
    };
    const { detail } = problemIn(await get(open({ accessPolicy, storage }), '/readyz'), 503, 'not-ready');
    assert.equal(detail, 'Cassandra is not reached yet. No token can be checked.');
    const fetch = open({ accessPolicy });
    problemIn(await get(fetch, '/readyz'), 503, 'not-ready');
    assert.equal((await get(fetch, '/livez')).status, 200);
    problems = [];
    assert.equal((await get(fetch, '/readyz')).status, 200);
  });
});

describe('responses with times', () => {
  test('a user has a creation time with microseconds', async () => {
    const clock = { now: () => Date.UTC(2026, 0, 31, 9, 30, 0, 123) * 1000 + 45, latest: () => 0 };
    const { body } = await sendRequest(open({ clock }), 'PUT', '/api/users/alice', {
      body: { username: 'Alice' },
    });
    assert.deepEqual(body, {
      id: 'alice',
      username: 'Alice',
      created_at: '2026-01-31T09:30:00.123045000Z',
    });
  });
});

describe('the files of the documentation', () => {
  test('a missing file is a 404', async () => {
    const fetch = open({ docsAssets: () => Promise.resolve(null) });
    problemIn(await get(fetch, '/docs/swagger-ui-dist/swagger-ui.css'), 404, 'path-not-found');
  });

  test('only files of the page are requested', async () => {
    const requested: string[] = [];
    const docsAssets = (name: string) => {
      requested.push(name);
      return Promise.resolve(new Uint8Array([1]));
    };
    const app = openApp({ docsAssets });
    for (const name of [
      'swagger-ui.css',
      'swagger-ui-bundle.js',
      'swagger-ui.js',
      '..%2fpackage.json',
      'valueOf',
    ]) {
      await app.fetch(new Request(`${ORIGIN}/docs/swagger-ui-dist/${name}`));
    }
    assert.deepEqual(requested, ['swagger-ui.css', 'swagger-ui-bundle.js']);
  });
});
