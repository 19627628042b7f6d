import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { describeContract } from '../support/describe-contract.ts';
import { ORIGIN, type Fetch } from './client.ts';
import { httpContracts } from './contract/contracts.ts';
import { openApp } from './open-app.ts';

const server = createAdaptorServer({ fetch: openApp().fetch });
let origin = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
    if ('closeAllConnections' in server) server.closeAllConnections();
  });
});

const overPort: Fetch = (asked) =>
  fetch(new Request(asked.url.replace(ORIGIN, origin), asked), { redirect: 'manual' });

for (const [name, contract] of Object.entries(httpContracts)) {
  describeContract<Fetch>(`${name}, over a port`, contract, () => overPort);
}

describe('requests that fetch cannot send', () => {
  /** The status and the body of the response to a request with an unchanged path. */
  const raw = (path: string) =>
    new Promise<[number | undefined, string]>((resolve, reject) => {
      request(`${origin}/`, { path }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve([response.statusCode, text]));
      })
        .on('error', reject)
        .end();
    });

  test('dot segments in a path are a 404', async () => {
    for (const path of [
      '/api/users/..',
      '/api/users/%2e%2e',
      '/docs/swagger-ui-dist/../../package.json',
      '/docs/swagger-ui-dist/..%2f..%2fpackage.json',
      '/../../etc/passwd',
    ]) {
      const [status, text] = await raw(path);
      assert.equal(status, 404, path);
      assert.match(text, /path-not-found/);
    }
  });

  test('an invalid path is a 400', async () => {
    for (const path of ['/\\..\\..', '*', 'nowhere', 'http://']) {
      assert.equal((await raw(path))[0], 400, path);
    }
  });
});
