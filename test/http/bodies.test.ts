import assert from 'node:assert/strict';
import { test } from 'vitest';
import { ask, freshUsers, problemIn, send } from './client.ts';
import { openApp } from './open-app.ts';

const fetch = async (request: Request): Promise<Response> => openApp().fetch(request);

/** A body without announced length that does not end before it is told to. */
function slowBody() {
  let end = (): void => undefined;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"sender_id":'));
      end = () => controller.close();
    },
  });
  return { body, end: () => end() };
}

test('large bodies on their way leave room for ordinary messages, and give theirs back', async () => {
  const [alice, bob] = freshUsers();
  const large = JSON.stringify({ sender_id: alice, receiver_id: bob, content: 'x'.repeat(20_000) });
  const sendLarge = () =>
    ask(fetch, 'POST', '/api/messages', {
      body: large,
      headers: { 'Content-Length': String(large.length) },
    });

  const slow = Array.from({ length: 256 }, slowBody);
  const slowAnswers = slow.map(({ body }) => ask(fetch, 'POST', '/api/messages', { body }));
  await new Promise(setImmediate);
  const { headers } = await sendLarge().then((answer) => {
    problemIn(answer, 503, 'overloaded');
    return answer;
  });
  assert.equal(headers.get('Retry-After'), '1');
  const small = JSON.stringify({ sender_id: alice, receiver_id: bob, content: 'Hello' });
  const ordinary = await ask(fetch, 'POST', '/api/messages', {
    body: small,
    headers: { 'Content-Length': String(small.length) },
  });
  assert.equal(ordinary.status, 201, ordinary.text);

  for (const { end } of slow) end();
  for (const answer of await Promise.all(slowAnswers)) problemIn(answer, 400, 'malformed-body');
  assert.equal((await sendLarge()).status, 201);
  await send(fetch, alice, bob);
});
