import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { get, problemIn, type Fetch } from './client.ts';
import { openGuardedApp } from './guarded-app.ts';
import { openApp } from './open-app.ts';

const PAGE =
  '<!doctype html><div data-auth="%AUTH%"></div><script type="module" src="%PUBLIC_PATH%/app/main.js"></script>';

const FILES: Readonly<Record<string, string>> = {
  'index.html': PAGE,
  'main.js': 'void 0;',
  'main.css': 'body {}',
  'icon.svg': '<svg/>',
  'secret.txt': 'not served',
};

const webAssets = (name: string) => {
  const text = FILES[name];
  return Promise.resolve(text === undefined ? null : new TextEncoder().encode(text));
};

const fetchOf =
  (app: ReturnType<typeof openApp>): Fetch =>
  async (request) =>
    app.fetch(request);

describe('the web client', () => {
  const fetch = fetchOf(openApp({ webAssets }));

  test('is the target of /, and is served with and without a trailing slash', async () => {
    assert.equal((await get(fetch, '/')).headers.get('Location'), '/app');
    for (const path of ['/app', '/app/']) {
      const { status, headers, text } = await get(fetch, path);
      assert.equal(status, 200);
      assert.equal(headers.get('Content-Type'), 'text/html; charset=UTF-8');
      assert.match(text, /data-auth="none".* src="\/app\/main\.js"/);
    }
  });

  test('has a policy that allows only files and requests of the same origin', async () => {
    const { headers } = await get(fetch, '/app');
    assert.equal(
      headers.get('Content-Security-Policy'),
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    // A 304 would replace the policy in the cache of the browser.
    assert.equal(headers.get('ETag'), null);
  });

  test('has its files, and no others', async () => {
    for (const [name, type] of [
      ['main.js', 'text/javascript; charset=utf-8'],
      ['main.css', 'text/css; charset=utf-8'],
      ['icon.svg', 'image/svg+xml'],
    ] as const) {
      const { status, headers, text } = await get(fetch, `/app/${name}`);
      assert.deepEqual([status, headers.get('Content-Type'), text], [200, type, FILES[name]]);
      assert.equal(headers.get('Cache-Control'), 'no-cache');
      assert.match(headers.get('ETag') ?? '', /^"[\w-]{20,}"$/);
    }
    for (const path of [
      '/app/secret.txt',
      '/app/index.html',
      '/app/%2e%2e%2fpackage.json',
      '/app/a/main.js',
    ]) {
      problemIn(await get(fetch, path), 404, 'path-not-found');
    }
  });

  test('knows the path prefix of a proxy, and whether tokens are needed', async () => {
    const app = openGuardedApp({ webAssets, publicPath: '/chat/messenger' });
    assert.match(
      (await get(fetchOf(app), '/app')).text,
      /data-auth="jwt".* src="\/chat\/messenger\/app\/main\.js"/,
    );
    assert.equal((await get(fetchOf(app), '/')).headers.get('Location'), '/chat/messenger/app');
  });

  test('is served once it is built; before, the response says what to do', async () => {
    let isBuilt = false;
    const app = openApp({ webAssets: (name) => (isBuilt ? webAssets(name) : Promise.resolve(null)) });
    const missing = await get(fetchOf(app), '/app');
    problemIn(missing, 404, 'path-not-found');
    assert.match(missing.text, /npm run build/);
    assert.equal((await get(fetchOf(app), '/app/main.js')).status, 404);
    isBuilt = true;
    assert.equal((await get(fetchOf(app), '/app')).status, 200);
    assert.equal((await get(fetchOf(app), '/app/main.js')).status, 200);
  });

  test('is not served if it is off: / redirects to the documentation', async () => {
    const off = fetchOf(openApp({ webAssets: null }));
    assert.equal((await get(off, '/')).headers.get('Location'), '/docs');
    for (const path of ['/app', '/app/main.js']) problemIn(await get(off, path), 404, 'path-not-found');
  });
});
