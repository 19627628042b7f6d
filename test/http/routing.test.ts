import assert from 'node:assert/strict';
import { test } from 'vitest';
import { sendRequest, get, problemIn } from './client.ts';
import { openApp } from './open-app.ts';

test('a path may have a literal segment where another has a parameter', async () => {
  const app = openApp();
  const paths = [
    '/api/users/me/devices',
    '/api/users/:user_id/devices/:device_id',
    '/api/conversations/search/:words',
    '/api/conversations/:conversation_id/participants/:user_id',
  ];
  for (const path of paths) app.get(path, (c) => c.text(path));
  const fetch = async (request: Request) => app.fetch(request);
  for (const path of paths) {
    assert.equal((await get(fetch, path.replaceAll(/:\w+/g, 'x'))).text, path);
  }
  assert.equal((await get(fetch, '/api/conversations/user/alice')).status, 200);
  problemIn(await get(fetch, '/api/conversations/user'), 400, 'invalid-request');
  problemIn(await get(fetch, '/api/users/me'), 404, 'user-not-found');
  problemIn(await sendRequest(fetch, 'DELETE', '/api/users/me'), 405, 'method-not-allowed');
});
