import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, test } from 'vitest';
import { sendRequest, freshUsers, get, ORIGIN, type Fetch } from './client.ts';
import { openGuardedApp } from './guarded-app.ts';
import { openApp } from './open-app.ts';

const packageJson = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly name: string;
  readonly version: string;
};

interface Operation {
  readonly security?: readonly object[];
  readonly deprecated?: boolean;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly examples?: unknown }>> }>
  >;
}

interface Document {
  readonly info: { readonly title: string; readonly version: string };
  readonly servers: readonly { readonly url: string }[];
  readonly security: readonly object[];
  readonly components: { readonly securitySchemes?: object };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const fetchOf =
  (app: ReturnType<typeof openApp>): Fetch =>
  async (request) =>
    app.fetch(request);
const documentOf = async (app: ReturnType<typeof openApp>) =>
  (await get(fetchOf(app), '/openapi.json')).body as Document;

const operationsIn = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
  );

describe('the OpenAPI document', () => {
  test('has the name of the package and the version of the build', async () => {
    const { info } = await documentOf(openApp({ build: { version: '3.2.1', commit: null } }));
    assert.deepEqual([info.title, info.version], [packageJson.name, '3.2.1']);
    const committed = JSON.parse(
      readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'),
    ) as Document;
    assert.equal(committed.info.version, packageJson.version);
  });

  test('marks the second path of a send as deprecated, and nothing else', async () => {
    const deprecated = operationsIn(await documentOf(openApp())).filter(
      ({ operation }) => operation.deprecated === true,
    );
    assert.deepEqual(
      deprecated.map(({ name }) => name),
      ['post /api/messages/send'],
    );
  });

  test('has one example of each status', async () => {
    for (const { name, operation } of operationsIn(await documentOf(openApp()))) {
      for (const [status, { content = {} }] of Object.entries(operation.responses)) {
        for (const media of Object.values(content))
          assert.equal(media.examples, undefined, `${name} ${status}`);
      }
    }
  });

  test('requires a token exactly for the operations that need one', async () => {
    const guarded = await documentOf(openGuardedApp());
    const needed = operationsIn(guarded).filter(
      ({ operation: { security = guarded.security } }) => security.length > 0,
    );
    assert.deepEqual(
      needed.map(({ path }) => path.startsWith('/api/')),
      needed.map(() => true),
    );
    assert.equal(needed.length, operationsIn(guarded).filter(({ path }) => path.startsWith('/api/')).length);
    for (const { operation } of needed)
      assert.deepEqual(operation.security ?? guarded.security, [{ bearer: [] }]);

    const open = await documentOf(openApp());
    for (const { name, operation } of operationsIn(open)) {
      assert.deepEqual(operation.security ?? open.security, [], name);
    }
    assert.equal(open.components.securitySchemes, undefined);
  });
});

describe('behind a path prefix of a proxy', () => {
  const fetch = fetchOf(openApp({ publicPath: '/chat/messenger' }));

  test('the documentation refers to its files and the OpenAPI document correctly', async () => {
    const { text } = await get(fetch, '/docs');
    for (const path of ['/docs/swagger-ui-dist/swagger-ui-bundle.js', '/openapi.json']) {
      assert.ok(text.includes(`/chat/messenger${path}`), path);
    }
    assert.doesNotMatch(text, /["']\/(?:docs|openapi)/);
    for (const [path, target] of [
      ['/', '/docs'],
      ['/favicon.ico', '/docs/swagger-ui-dist/favicon-32x32.png'],
    ] as const) {
      assert.equal((await get(fetch, path)).headers.get('Location'), `/chat/messenger${target}`);
    }
  });

  test('the document has the prefix as its server, and Location starts with it', async () => {
    const { servers } = (await get(fetch, '/openapi.json')).body as Document;
    assert.deepEqual(
      servers.map(({ url }) => url),
      ['/chat/messenger'],
    );
    const started = await sendRequest(fetch, 'POST', '/api/conversations', {
      body: { participant_ids: freshUsers() },
    });
    assert.match(
      started.headers.get('Location') ?? '',
      /^\/chat\/messenger\/api\/conversations\/[\da-f-]{36}$/,
    );
  });
});

describe('a file of the documentation', () => {
  const fetch = fetchOf(openApp());
  const SCRIPT = '/docs/swagger-ui-dist/swagger-ui-bundle.js';
  const getWith = (path: string, headers: Record<string, string>) =>
    fetch(new Request(ORIGIN + path, { headers }));

  test('is compressed for clients that accept it', async () => {
    for (const path of [SCRIPT, '/docs/swagger-ui-dist/swagger-ui.css', '/openapi.json']) {
      const whole = await getWith(path, {});
      assert.equal(whole.headers.get('Content-Encoding'), null);
      assert.equal(whole.headers.get('Vary'), 'Accept-Encoding');
      const bytes = Buffer.from(await whole.arrayBuffer());
      for (const coding of ['gzip', 'br;q=1.0, GZIP;q=0.8', 'deflate, gzip']) {
        const small = await getWith(path, { 'Accept-Encoding': coding });
        assert.equal(small.headers.get('Content-Encoding'), 'gzip', coding);
        assert.equal(small.headers.get('Content-Type'), whole.headers.get('Content-Type'));
        assert.equal(small.headers.get('Vary'), 'Accept-Encoding');
        const received = Buffer.from(await small.arrayBuffer());
        assert.ok(received.length < bytes.length / 3, `${path}: ${received.length} of ${bytes.length}`);
        assert.ok(gunzipSync(received).equals(bytes));
        assert.notEqual(small.headers.get('ETag'), whole.headers.get('ETag'));
      }
      for (const coding of ['identity', 'gzip;q=0', 'br', '']) {
        const answer = await getWith(path, { 'Accept-Encoding': coding });
        assert.equal(answer.headers.get('Content-Encoding'), null, coding);
      }
    }
  });

  test('is a 304 for clients that have it', async () => {
    for (const path of [SCRIPT, '/openapi.json']) {
      for (const coding of ['gzip', 'identity']) {
        const first = await getWith(path, { 'Accept-Encoding': coding });
        const tag = first.headers.get('ETag') ?? '';
        assert.match(tag, /^"[\w-]{20,}"$/);
        const again = await getWith(path, {
          'Accept-Encoding': coding,
          'If-None-Match': `"other", W/${tag}`,
        });
        assert.equal(again.status, 304);
        assert.equal(await again.text(), '');
        assert.equal(again.headers.get('ETag'), tag);
        assert.equal(again.headers.get('Cache-Control'), first.headers.get('Cache-Control'));
        assert.equal(again.headers.get('Vary'), 'Accept-Encoding');
        const changed = await getWith(path, { 'Accept-Encoding': coding, 'If-None-Match': '"other"' });
        assert.equal(changed.status, 200);
        assert.ok((await changed.arrayBuffer()).byteLength > 1_000);
      }
    }
  });

  test('is read and compressed only once', async () => {
    let read = 0;
    const app = openApp({
      docsAssets: () => {
        read += 1;
        return Promise.resolve(new TextEncoder().encode('body {}'));
      },
    });
    const request = () => app.request('/docs/swagger-ui-dist/swagger-ui.css');
    const texts = await Promise.all(
      [request(), request(), request()].map(async (answer) => (await answer).text()),
    );
    assert.deepEqual([texts, read], [['body {}', 'body {}', 'body {}'], 1]);
  });

  test('is read again after a failed read', async () => {
    let read = 0;
    const app = openApp({
      docsAssets: () => {
        read += 1;
        return read === 1 ? Promise.reject(new Error('EMFILE')) : Promise.resolve(new Uint8Array([1]));
      },
    });
    assert.equal((await app.request('/docs/swagger-ui-dist/swagger-ui.css')).status, 500);
    assert.equal((await app.request('/docs/swagger-ui-dist/swagger-ui.css')).status, 200);
  });
});

test('the page stores an entered token', async () => {
  assert.match((await get(fetchOf(openApp()), '/docs')).text, /persistAuthorization: true/);
});
