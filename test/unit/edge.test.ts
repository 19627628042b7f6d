import { describe, expect, test } from 'vitest';
import { makeConsoleLog } from '../../src/adapters/edge/console-log.ts';
import { makeDocsAssets } from '../../src/adapters/edge/docs-assets.ts';
import { settingsIn, type Bindings } from '../../src/adapters/edge/platform.ts';
import { durableObjectFor } from '../../src/adapters/edge/durable-object-routing.ts';
import { ConfigError } from '../../src/composition/config.ts';
import { MessengerObject } from '../../src/composition/messenger-object.ts';

/** Bindings whose objects respond with their name, and which contain one file. */
function bindingsWith(settings: Record<string, unknown>): Bindings {
  return {
    MESSENGER: {
      idFromName: (name) => name,
      get: (id) => ({ fetch: () => Promise.resolve(new Response(String(id))) }),
    },
    DOCS_ASSETS: {
      fetch: (asked) =>
        Promise.resolve(
          new Request(asked).url.endsWith('/a.css')
            ? new Response('css')
            : new Response('no', { status: 404 }),
        ),
    },
    ...settings,
  };
}

const nameFor = async (settings: Record<string, unknown>, random?: () => number): Promise<string> =>
  (await durableObjectFor(bindingsWith(settings), random).fetch('http://messenger.test/')).text();

describe('a request at the edge goes', () => {
  test('to the single object with memory storage', async () => {
    const names = await Promise.all([{ STORAGE: 'memory' }, { STORAGE: null }, {}].map((s) => nameFor(s)));
    expect(names).toEqual(['memory', 'memory', 'memory']);
  });

  test('to one of four objects on Cassandra', async () => {
    const chances = [0, 0.2499, 0.25, 0.5, 0.75, 0.9999];
    const names = await Promise.all(chances.map((chance) => nameFor({ STORAGE: 'cassandra' }, () => chance)));
    expect(names).toEqual([0, 0, 1, 2, 3, 3].map((n) => `cassandra-${n}`));
  });
});

test('text bindings are the settings', () => {
  expect(settingsIn(bindingsWith({ STORAGE: 'memory', LOG_LEVEL: null }))).toEqual({ STORAGE: 'memory' });
});

test('the documentation uses the bundled files', async () => {
  const docsAssets = makeDocsAssets(bindingsWith({}).DOCS_ASSETS);
  expect(new TextDecoder().decode((await docsAssets('a.css')) ?? undefined)).toBe('css');
  expect(await docsAssets('b.css')).toBeNull();
  const broken = makeDocsAssets({ fetch: () => Promise.resolve(new Response(null, { status: 500 })) });
  await expect(broken('a.css')).rejects.toThrow('500');
});

test('the log of the edge is JSON lines from a level on, with the details of errors', () => {
  const lines: string[] = [];
  const log = makeConsoleLog('warn', { log: (line: string) => lines.push(line) });
  log.info({}, 'Nothing to see.');
  log.error(
    { err: new TypeError('bad', { cause: new Error('worse') }), requestId: 'r' },
    'Request failed with an unexpected error.',
  );
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    {
      level: 'error',
      time: expect.any(String) as string,
      err: {
        type: 'TypeError',
        message: 'bad',
        stack: expect.stringContaining('edge.test') as string,
        cause: expect.objectContaining({ message: 'worse' }) as object,
      },
      requestId: 'r',
      msg: 'Request failed with an unexpected error.',
    },
  ]);
});

describe('the object', () => {
  const ask = (object: MessengerObject, path: string) =>
    object.fetch(new Request(`http://messenger.test${path}`));

  test('is the messenger and keeps its data between requests', async () => {
    const object = new MessengerObject(null, bindingsWith({ LOG_LEVEL: 'silent' }));
    const body = JSON.stringify({ username: 'Ada' });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
    const put = new Request('http://messenger.test/api/users/ada', { method: 'PUT', headers, body });
    expect((await object.fetch(put)).status).toBe(201);
    expect((await ask(object, '/api/users/ada')).status).toBe(200);
    expect((await ask(object, '/readyz')).status).toBe(200);
  });

  test.each([
    ['STORAGE', { STORAGE: 'Cassandra' }],
    ['CASSANDRA_TLS_CA', { CASSANDRA_TLS_CA: 'ca.pem' }],
    ['CASSANDRA_PASSWORD_FILE', { CASSANDRA_USERNAME: 'a', CASSANDRA_PASSWORD_FILE: 'password' }],
  ])('reports an invalid %s by name', (name, settings) => {
    const make = () => new MessengerObject(null, bindingsWith(settings));
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(name);
  });

  test('lets its first request wait for Cassandra for a limited time', async () => {
    const settings = { STORAGE: 'cassandra', CASSANDRA_CONTACT_POINTS: '127.0.0.1:1', LOG_LEVEL: 'silent' };
    const object = new MessengerObject(null, bindingsWith(settings));
    const answer = await ask(object, '/readyz');
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('Cassandra is not connected yet.');
    // Its clock is not verified yet, but that is not the reason why it cannot write.
    const body = JSON.stringify({ username: 'Ada' });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
    const put = new Request('http://messenger.test/api/users/ada', { method: 'PUT', headers, body });
    const refused = await object.fetch(put);
    expect([refused.status, await refused.text()]).toEqual([
      503,
      expect.stringContaining('storage-unavailable'),
    ]);
  });
});
