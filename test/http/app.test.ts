import { positionAt } from '../../src/domain/time.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { storageThat } from '../contracts/mutants.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import { ALLOW_ALL } from '../../src/adapters/http/middleware/access-policy.ts';
import type { Log } from '../../src/application/ports/log.ts';
import { StorageFailure, type StorageFailureKind } from '../../src/application/ports/storage-failure.ts';
import { ask, get, ORIGIN, problemIn, type Answer, type Fetch } from './client.ts';
import { documented } from './documented.ts';
import { openApp } from './open-app.ts';
import { API_REQUESTS, openApiDocument } from './operations.ts';

/** What stays inside: the texts of a driver and of a bug. */
const SECRET = 'All host(s) tried for query SELECT * FROM messages failed at 10.0.0.7:9042';

const message = { sender_id: 'alice', receiver_id: 'bob', content: 'Hello' };

/** Requests that only read, and such that write: their methods tell. */
const READS = API_REQUESTS.filter(({ method }) => method === 'GET');
const WRITES = API_REQUESTS.filter(({ method }) => method !== 'GET');

/** A log that keeps what is worth a person's attention: the line that every request leaves is none. */
function listeningLog() {
  const lines: { level: keyof Log; fields: object; sentence: string }[] = [];
  const hear = (level: keyof Log) => (fields: object, sentence: string) => {
    lines.push({ level, fields, sentence });
  };
  const log: Log = { info: () => undefined, warn: hear('warn'), error: hear('error') };
  return { lines, log };
}

function open(changed: Parameters<typeof openApp>[0]): Fetch {
  const app = openApp(changed);
  return documented(async (request) => app.fetch(request), openApiDocument);
}

function assertNothingShown(answer: Answer): void {
  const all = answer.text + JSON.stringify([...answer.headers]);
  assert.doesNotMatch(all, /SELECT|10\.0\.0\.7|host\(s\)|\.ts|node_modules|\bat /);
}

describe('when storage lets a request down', () => {
  const failing = (kind: StorageFailureKind) =>
    storageThat(() => Promise.reject(new StorageFailure(kind, { cause: new Error(SECRET) })));

  test('it is a 503 that says whether something may have happened, and when to try again', async () => {
    const cases = [
      ['unavailable', 'storage-unavailable'],
      ['outcome_unknown', 'outcome-unknown'],
    ] as const;
    for (const [kind, type] of cases) {
      const fetch = open({ storage: failing(kind) });
      for (const { method, path, body } of API_REQUESTS) {
        const answer = await ask(fetch, method, path, { body });
        problemIn(answer, 503, type);
        assert.equal(answer.headers.get('Retry-After'), '1');
        assertNothingShown(answer);
      }
    }
  });

  test('what does not answer in time is given up, a write as one that may yet happen', async () => {
    const never = storageThat(() => new Promise(() => undefined));
    const fetch = open({ storage: never, requestTimeoutMs: 20 });
    for (const { method, path, body } of READS) {
      problemIn(await ask(fetch, method, path, { body }), 503, 'storage-unavailable');
    }
    for (const { method, path, body } of WRITES) {
      problemIn(await ask(fetch, method, path, { body }), 503, 'outcome-unknown');
    }
  });

  test('the log is told the cause, with the id of the request', async () => {
    const { log, lines } = listeningLog();
    const answer = await get(open({ storage: failing('unavailable'), log }), '/api/users/alice');
    assert.deepEqual(
      lines.map(({ level, sentence }) => [level, sentence]),
      [['warn', 'Storage request failed.']],
    );
    const { err, requestId } = lines[0]!.fields as { err: Error; requestId: string };
    assert.equal((err.cause as Error).message, SECRET);
    assert.equal(requestId, answer.headers.get('X-Request-Id'));
  });
});

describe('while the clock is not verified', () => {
  const clockCheck = { verified: () => Promise.reject(new ClockNotVerified(SECRET)) };

  test('writes are a 503 that says that nothing was stored, and when to try again', async () => {
    const fetch = open({ clockCheck });
    for (const { method, path, body } of WRITES) {
      const answer = await ask(fetch, method, path, { body });
      const { detail } = problemIn(answer, 503, 'clock-not-verified');
      assert.match(detail, /Nothing was stored/);
      assert.equal(answer.headers.get('Retry-After'), '1');
      assertNothingShown(answer);
    }
  });

  test('reads are answered, the log is left in peace, and the process is alive', async () => {
    const { log, lines } = listeningLog();
    const fetch = open({ clockCheck, log });
    assert.equal((await get(fetch, '/api/conversations/user/alice')).status, 200);
    assert.equal((await get(fetch, '/api/users/alice')).status, 404);
    assert.equal((await get(fetch, '/livez')).status, 200);
    assert.deepEqual(lines, []);
  });
});

describe('when as much is in progress as there is room for', () => {
  const neverAnswering = storageThat(() => new Promise(() => undefined));

  test('the rest is turned away at once, without a look at its body, and the log is left in peace', async () => {
    const { log, lines } = listeningLog();
    const fetch = open({ storage: neverAnswering, maxRequestsInFlight: 2, log });
    void get(fetch, '/api/users/alice');
    void ask(fetch, 'POST', '/api/messages', { body: message });
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

  test('bodies that arrive together are not more than there is room for', async () => {
    const fetch = open({ storage: neverAnswering, maxRequestsInFlight: 1 });
    const arriving = [1, 2].map(() => ask(fetch, 'POST', '/api/messages', { body: message }));
    problemIn(await Promise.race(arriving), 503, 'overloaded');
  });

  test('the health of the service can still be asked for', async () => {
    const readinessProblems = () => Promise.resolve([]);
    const fetch = open({
      storage: { ...neverAnswering, readinessProblems: readinessProblems },
      maxRequestsInFlight: 1,
    });
    void get(fetch, '/api/users/alice');
    await new Promise(setImmediate);
    for (const path of ['/livez', '/readyz']) assert.equal((await get(fetch, path)).status, 200);
  });
});

describe('when we are wrong', () => {
  test('it is a 500 of one fixed sentence, and the log is told the rest', async () => {
    const { log, lines } = listeningLog();
    const fetch = open({ storage: storageThat(() => Promise.reject(new TypeError(SECRET))), log });
    for (const { method, path, body } of API_REQUESTS) {
      const answer = await ask(fetch, method, path, { body });
      const { detail } = problemIn(answer, 500, 'internal-error');
      assert.equal(detail, 'The log of the service contains it under the id of this request.');
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

describe('when the caller is wrong', () => {
  test('the log is left in peace', async () => {
    const { log, lines } = listeningLog();
    const fetch = open({ log });
    await ask(fetch, 'POST', '/api/messages', { body: { ...message, content: '' } });
    await ask(fetch, 'POST', '/api/messages', { body: '{' });
    await ask(fetch, 'POST', '/api/messages', { body: 'x', headers: { 'Content-Type': 'text/plain' } });
    await ask(fetch, 'DELETE', '/api/messages');
    await get(fetch, '/nowhere');
    await get(fetch, '/api/users/alice');
    await get(fetch, '/api/conversations/user/alice?cursor=1');
    assert.deepEqual(lines, []);
  });

  test('a body that is too large is not waited for, so that no other request follows on its connection', async () => {
    const body = ' '.repeat(256 * 1024 + 1);
    const answer = await ask(open({}), 'POST', '/api/messages', { body });
    problemIn(answer, 413, 'body-too-large');
    assert.equal(answer.headers.get('Connection'), 'close');
  });

  test('a client that goes away in mid-sentence is no failure of ours', async () => {
    for (const headers of [{}, { 'Content-Length': '100' }]) {
      const { log, lines } = listeningLog();
      const fetch = open({ log });
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('{"sender_id":'));
          controller.error(new Error('aborted'));
        },
      });
      problemIn(await ask(fetch, 'POST', '/api/messages', { body, headers }), 400, 'malformed-body');
      assert.deepEqual(lines, []);
    }
  });
});

describe('health', () => {
  test('the process is live whatever storage does', async () => {
    let touched = 0;
    const storage = storageThat(() => {
      touched += 1;
      return new Promise(() => undefined);
    });
    const { status, body } = await get(open({ storage }), '/livez');
    assert.deepEqual([status, body, touched], [200, { status: 'live' }, 0]);
  });

  test('what is missing is named, and named no longer once it is there', async () => {
    let sentences = ['Cassandra is not reached yet.', 'The clock is wrong.'];
    const storage = { ...memoryStorage(), readinessProblems: () => Promise.resolve(sentences) };
    const fetch = open({ storage });
    const answer = await get(fetch, '/readyz');
    const { detail } = problemIn(answer, 503, 'not-ready');
    assert.equal(detail, 'Cassandra is not reached yet. The clock is wrong.');
    assert.equal(answer.headers.get('Retry-After'), '1');
    sentences = [];
    assert.equal((await get(fetch, '/readyz')).status, 200);
  });

  test('storage is asked once for all who ask at a time, and again for who asks later', async () => {
    let asked = 0;
    let answer = (_: string[]): void => undefined;
    const storage = {
      ...memoryStorage(),
      readinessProblems: () => {
        asked += 1;
        return new Promise<string[]>((resolve) => (answer = resolve));
      },
    };
    const fetch = open({ storage });
    const askMany = () => Promise.all(Array.from({ length: 20 }, () => get(fetch, '/readyz')));
    const statusesAfter = async (asking: ReturnType<typeof askMany>, readinessProblems: string[]) => {
      await new Promise(setImmediate);
      answer(readinessProblems);
      return new Set((await asking).map(({ status }) => status));
    };
    assert.deepEqual([await statusesAfter(askMany(), ['Not yet.']), asked], [new Set([503]), 1]);
    assert.deepEqual([await statusesAfter(askMany(), []), asked], [new Set([200]), 2]);
  });

  test('a check that fails is not kept', async () => {
    const failures = [new Error(SECRET)];
    const storage = {
      ...memoryStorage(),
      readinessProblems: () => {
        const failure = failures.pop();
        return failure === undefined ? Promise.resolve([]) : Promise.reject(failure);
      },
    };
    const { log } = listeningLog();
    const fetch = open({ storage, log });
    problemIn(await get(fetch, '/readyz'), 500, 'internal-error');
    assert.equal((await get(fetch, '/readyz')).status, 200);
  });
});

describe('a service that can check no token', () => {
  test('is not ready, and says so beside what else is missing', async () => {
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

describe('what depends on the clock', () => {
  test('a user is created at its microsecond', async () => {
    const clock = { now: () => Date.UTC(2026, 0, 31, 9, 30, 0, 123) * 1000 + 45, latest: () => 0 };
    const { body } = await ask(open({ clock }), 'PUT', '/api/users/alice', { body: { username: 'Alice' } });
    assert.deepEqual(body, {
      id: 'alice',
      username: 'Alice',
      created_at: '2026-01-31T09:30:00.123045000Z',
    });
  });
});

describe('what depends on the docs', () => {
  test('a file that is not there is a 404', async () => {
    const fetch = open({ docsAssets: () => Promise.resolve(null) });
    problemIn(await get(fetch, '/docs/swagger-ui-dist/swagger-ui.css'), 404, 'path-not-found');
  });

  test('only the files that the page needs are asked for', async () => {
    const asked: string[] = [];
    const docsAssets = (name: string) => {
      asked.push(name);
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
    assert.deepEqual(asked, ['swagger-ui.css', 'swagger-ui-bundle.js']);
  });
});
