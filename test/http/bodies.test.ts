import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { sendRequest, freshUsers, ORIGIN, problemIn, type Fetch } from './client.ts';
import { openApp } from './open-app.ts';

const app = openApp();

/** Requests from an address. */
const from =
  (remoteAddress: string): Fetch =>
  async (request) =>
    app.fetch(request, { remoteAddress });

/** A body without Content-Length that sends `first` and ends on demand. */
function slowBody(first: Uint8Array<ArrayBuffer> | string) {
  let end = (): void => undefined;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(typeof first === 'string' ? new TextEncoder().encode(first) : first);
      end = () => controller.close();
    },
  });
  return { body, end: () => end() };
}

const [alice, bob] = freshUsers();
const large = JSON.stringify({ sender_id: alice, receiver_id: bob, content: 'x'.repeat(20_000) });
const small = JSON.stringify({ sender_id: alice, receiver_id: bob, content: 'Hello' });

const sendWhole = (fetch: Fetch, body: string) =>
  sendRequest(fetch, 'POST', '/api/messages', { body, headers: { 'Content-Length': String(body.length) } });
const sendInChunks = (fetch: Fetch, text: string) => {
  const { body, end } = slowBody(text);
  end();
  return sendRequest(fetch, 'POST', '/api/messages', { body });
};

describe('incomplete bodies', () => {
  test('that stop after one byte do not block others, even hundreds of them', async () => {
    const fetch = from('10.0.0.1');
    const slow = Array.from({ length: 1_000 }, () => slowBody('{'));
    const slowAnswers = slow.map(({ body }) => sendRequest(fetch, 'POST', '/api/messages', { body }));
    await pause(50);
    for (const each of [fetch, from('10.0.0.2')]) {
      assert.equal((await sendWhole(each, large)).status, 201);
      assert.equal((await sendInChunks(each, large)).status, 201);
      assert.equal((await sendWhole(each, small)).status, 201);
    }
    for (const { end } of slow) end();
    for (const answer of await Promise.all(slowAnswers)) problemIn(answer, 400, 'malformed-body');
  });

  test('of one caller use at most a share of the memory, and release all of it', async () => {
    const fetch = from('10.0.0.3');
    for (const round of [1, 2]) {
      const slow = Array.from({ length: 80 }, () => slowBody(new Uint8Array(256 * 1024)));
      const slowAnswers = slow.map(({ body }) => sendRequest(fetch, 'POST', '/api/messages', { body }));
      await pause(50);
      const refused = await sendWhole(fetch, large);
      problemIn(refused, 503, 'overloaded');
      assert.equal(refused.headers.get('Retry-After'), '1');
      assert.equal((await sendWhole(fetch, small)).status, 201);
      assert.equal((await sendWhole(from('10.0.0.4'), large)).status, 201);

      for (const { end } of slow) end();
      const statuses = (await Promise.all(slowAnswers)).map(({ status }) => status);
      // 16 MiB hold 64 of them.
      assert.equal(statuses.filter((status) => status === 400).length, 64, `in round ${round}`);
      assert.equal(statuses.filter((status) => status === 503).length, 16);
      assert.equal((await sendWhole(fetch, large)).status, 201);
    }
  });

  test('that arrive byte by byte use no more memory than others', async () => {
    const bytes = new TextEncoder().encode(large);
    let next = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (next === bytes.length) controller.close();
        else controller.enqueue(bytes.subarray(next, (next += 1)));
      },
    });
    assert.equal((await sendRequest(from('10.0.0.5'), 'POST', '/api/messages', { body })).status, 201);
  });
});

describe('a body that is refused because of its headers', () => {
  /** A request whose body must not be read. */
  const unread = async (headers: Record<string, string>) => {
    let isRead = false;
    const body = new ReadableStream(
      {
        pull() {
          isRead = true;
          return new Promise(() => undefined);
        },
      },
      { highWaterMark: 0 },
    );
    const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
    const response = await app.fetch(new Request(`${ORIGIN}/api/messages`, init));
    const text = await response.text();
    assert.equal(isRead, false);
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as unknown };
  };

  test('is not read: another media type', async () => {
    problemIn(await unread({ 'Content-Type': 'text/plain' }), 415, 'unsupported-media-type');
  });

  test('is not read: too large', async () => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': '262145' };
    problemIn(await unread(headers), 413, 'body-too-large');
  });

  test('is not read: compressed', async () => {
    for (const coding of ['gzip', 'GZIP', 'br, identity', 'identity, gzip', 'x']) {
      const headers = { 'Content-Type': 'application/json', 'Content-Encoding': coding };
      const answer = await unread(headers);
      const { errors } = problemIn(answer, 415, 'unsupported-content-coding');
      assert.deepEqual(
        errors?.map(({ header }) => header),
        ['Content-Encoding'],
      );
      // RFC 9110 15.5.16: Accept-Encoding distinguishes a 415 for a coding from one for a media type.
      assert.equal(answer.headers.get('Accept-Encoding'), 'identity');
    }
  });
});

test('a body with Content-Encoding identity is accepted', async () => {
  const headers = { 'Content-Encoding': 'Identity' };
  const answer = await sendRequest(from('10.0.0.6'), 'POST', '/api/messages', { body: small, headers });
  assert.equal(answer.status, 201, answer.text);
});

test('the host sends 100 Continue before the body is read, and not if the body is refused', async () => {
  let continues = 0;
  const peer = { sendContinue: () => (continues += 1) };
  const fetch: Fetch = async (request) => app.fetch(request, peer);
  const plain = { 'Content-Type': 'text/plain' };
  problemIn(
    await sendRequest(fetch, 'POST', '/api/messages', { body: small, headers: plain }),
    415,
    'unsupported-media-type',
  );
  assert.equal(continues, 0);
  assert.equal((await sendWhole(fetch, small)).status, 201);
  assert.equal(continues, 1);
  assert.equal((await sendInChunks(fetch, large)).status, 201);
  assert.equal(continues, 2);
});

test('of a list of participants that is too long, the rest is not checked', async () => {
  const ids = Array.from({ length: 10_000 }, () => '');
  const create = (participantIds: readonly string[]) =>
    sendRequest(from('192.0.2.9'), 'POST', '/api/conversations', {
      body: JSON.stringify({ participant_ids: participantIds, creator_id: alice }),
    });
  assert.equal((await create([...freshIds(257), ...ids])).status, 422);
  assert.equal((await create([...freshIds(256), ...ids])).status, 400);
});

const freshIds = (count: number): string[] => Array.from({ length: count }, (_, n) => `user-${n}`);
