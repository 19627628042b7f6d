import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { createClient, ProblemError, type Message, type OutgoingMessage } from '../../client/src/index.ts';
import { ManualTimer, MemoryStorage, settled } from '../support/client-fakes.ts';

interface Request {
  readonly key: string;
  readonly path: string;
  readonly content: string;
  readonly to: string;
  readonly respond: (status: number, body?: object, headers?: Record<string, string>) => void;
  /** A 201 that breaks off within its body. */
  readonly breakOff: () => void;
  /** A 200 with this text, such as that of a proxy. */
  readonly answerText: (text: string) => void;
  /** The connection breaks without a response. */
  readonly fail: () => void;
}

/** A client whose requests wait for the test. */
function open(storage = new MemoryStorage(), timer = new ManualTimer()) {
  const requests: Request[] = [];
  const client = createClient({
    baseUrl: 'http://messenger.test',
    userId: 'ada',
    storage,
    timer,
    random: () => 0,
    fetch: (url, init) =>
      new Promise((resolve, reject) => {
        const { content, receiver_id } = JSON.parse(init?.body as string) as Record<string, string>;
        init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason as Error));
        requests.push({
          key: new Headers(init!.headers).get('Idempotency-Key')!,
          path: new URL(url as string).pathname,
          content: content!,
          to: receiver_id!,
          respond: (status, body = {}, headers = {}) => resolve(Response.json(body, { status, headers })),
          breakOff: () => resolve(new Response('{"id":', { status: 201 })),
          answerText: (text) => resolve(new Response(text, { status: 200 })),
          fail: () => reject(new TypeError('fetch failed')),
        });
      }),
  });
  const states: string[] = [];
  client.outbox.subscribe(({ content, state }) => states.push(`${content} ${state}`));
  const next = async (): Promise<Request> => {
    await settled();
    const request = requests.shift();
    assert.ok(request, 'a request is on its way');
    return request;
  };
  return { client, storage, timer, requests, states, next };
}

const to = { receiverId: 'ben' };

const stored = (content: string): Partial<Message> => ({ id: `id of ${content}`, content });

const problem = (type: string, status: number) => ({
  type: `urn:problem:messenger:${type}`,
  title: 'Refused',
  status,
  detail: 'It is refused.',
});

describe('a message', () => {
  test('is repeated with its key after each failure, until the service answers', async () => {
    const { client, timer, next, states } = open();
    const { sent, key } = client.send({ to, content: 'Hello' });
    const failures: readonly ((request: Request) => void)[] = [
      (request) => request.fail(),
      (request) => request.respond(503, problem('outcome-unknown', 503)),
      (request) => request.respond(429, problem('rate-limited', 429)),
      (request) => request.respond(502),
    ];
    for (const fail of failures) {
      const request = await next();
      assert.equal(request.key, key);
      fail(request);
      await timer.pass(15_000);
    }
    (await next()).respond(201, stored('Hello'));
    assert.equal((await sent).id, 'id of Hello');
    assert.deepEqual(states, ['Hello pending', 'Hello sent']);
    assert.deepEqual(client.outbox.messages(), []);
  });

  test('is repeated after a response that breaks off, and one that never comes', async () => {
    const { client, timer, next } = open();
    const { sent, key } = client.send({ to, content: 'Hello' });
    await next();
    await timer.pass(31_000);
    (await next()).breakOff();
    await timer.pass(1_000);
    const request = await next();
    assert.equal(request.key, key);
    request.respond(201, stored('Hello'));
    assert.ok(await sent);
  });

  test('is repeated after a success that does not come from the service', async () => {
    const { client, timer, next, states } = open();
    const { sent, key } = client.send({ to, content: 'Hello' });
    for (const text of ['', '<html>Sign in</html>', '{}', 'null', '[]', '"ok"', '{"id":7}']) {
      (await next()).answerText(text);
      await timer.pass(15_000);
    }
    const request = await next();
    assert.equal(request.key, key);
    request.respond(201, stored('Hello'));
    assert.equal((await sent).id, 'id of Hello');
    assert.deepEqual(states, ['Hello pending', 'Hello sent']);
  });

  test('waits as Retry-After says, and longer from failure to failure', async () => {
    const { client, timer, next } = open();
    client.send({ to, content: 'Hello' });
    const pauses: number[] = [];
    for (const headers of [{ 'Retry-After': '7' }, {}, {}, {}, {}, {}, {}]) {
      (await next()).respond(503, {}, headers);
      await settled();
      pauses.push(timer.planned[0]!);
      await timer.pass(timer.planned[0]!);
    }
    assert.deepEqual(pauses, [7_000, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  });

  test('fails with its problem if it is refused, and is retried with the same key or discarded', async () => {
    const { client, next, states, storage } = open();
    const first = client.send({ to, content: ' ' });
    (await next()).respond(400, problem('content-blank', 400));
    await assert.rejects(
      first.sent,
      (error) => error instanceof ProblemError && error.code === 'content-blank',
    );
    const [failed] = client.outbox.messages();
    assert.deepEqual([failed!.state, failed!.problem!.status], ['failed', 400]);

    client.outbox.retry(first.key);
    const [again] = client.outbox.messages();
    const request = await next();
    assert.equal(request.key, first.key);
    request.respond(400, problem('content-blank', 400));
    await assert.rejects(again!.sent);
    client.outbox.discard(first.key);
    assert.deepEqual([client.outbox.messages(), storage.length], [[], 0]);
    client.outbox.retry(first.key);
    client.outbox.discard(first.key);
    assert.deepEqual(states, ['  pending', '  failed', '  pending', '  failed', '  failed']);
  });

  test('cannot be discarded while it is pending', async () => {
    const { client, next } = open();
    const { key, sent } = client.send({ to, content: 'Hello' });
    client.outbox.discard(key);
    (await next()).respond(201, stored('Hello'));
    assert.ok(await sent);
  });
});

describe('messages', () => {
  test('to a user and to the conversation with this user are sent one after another, once that is known', async () => {
    const { client, requests, next } = open();
    const toConversation = { conversationId: 'c' };
    client.send({ to, content: '1' });
    client.send({ to: toConversation, content: 'not known yet' });
    await settled();
    assert.deepEqual(
      requests.map(({ path }) => path),
      ['/api/messages', '/api/conversations/c/messages'],
    );
    const known = { conversation_id: 'c', receiver_id: 'ben' };
    (await next()).respond(201, { ...stored('1'), ...known });
    (await next()).respond(201, { ...stored('not known yet'), ...known });
    await settled();
    const order: string[] = [];
    for (const [index, target] of [to, toConversation, to, toConversation].entries()) {
      client.send({ to: target, content: `${index}` });
    }
    for (let index = 0; index < 4; index += 1) {
      const request = await next();
      assert.equal(requests.length, 0);
      order.push(request.content);
      request.respond(201, { ...stored(request.content), ...known });
    }
    assert.deepEqual(order, ['0', '1', '2', '3']);
  });

  test('with the same target are sent one after another; others do not wait', async () => {
    const { client, next, requests, timer } = open();
    for (const content of ['1', '2', '3']) client.send({ to, content });
    client.send({ to: { receiverId: 'eve' }, content: 'To Eve' });
    const first = await next();
    (await next()).respond(201, stored('To Eve'));
    await settled();
    assert.deepEqual([first.content, requests.length], ['1', 0]);
    first.fail();
    await timer.pass(500);
    const order: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const request = await next();
      order.push(request.content);
      request.respond(201, stored(request.content));
    }
    assert.deepEqual(order, ['1', '2', '3']);
  });

  test('go on after one that failed', async () => {
    const { client, next } = open();
    client.send({ to, content: ' ' });
    client.send({ to, content: 'Hello' });
    (await next()).respond(400, problem('content-blank', 400));
    assert.equal((await next()).content, 'Hello');
    assert.deepEqual(
      client.outbox.messages().map(({ state }) => state),
      ['failed', 'pending'],
    );
  });

  test('have a list that stays the same object until one changes', async () => {
    const { client, next } = open();
    client.send({ to, content: 'Hello' });
    const list = client.outbox.messages();
    assert.equal(client.outbox.messages(), list);
    (await next()).respond(201, stored('Hello'));
    await settled();
    assert.notEqual(client.outbox.messages(), list);
  });
});

describe('with a storage', () => {
  test('a new client sends what was pending, in order and with the same keys; failed messages stay', async () => {
    const { client, next, storage, timer } = open();
    const sent: OutgoingMessage[] = [];
    for (const content of [' ', '1', '2', '3']) sent.push(client.send({ to, content }));
    (await next()).respond(400, problem('content-blank', 400));
    (await next()).fail();
    client.close();
    await timer.pass(60_000);

    const later = open(storage, timer);
    assert.deepEqual(
      later.client.outbox.messages().map(({ content, state }) => `${content} ${state}`),
      ['  failed', '1 pending', '2 pending', '3 pending'],
    );
    for (const { key, content } of sent.slice(1)) {
      const request = await later.next();
      assert.deepEqual([request.key, request.content], [key, content]);
      request.respond(201, stored(content));
    }
    await settled();
    assert.deepEqual([later.requests.length, storage.length], [0, 1]);
    later.client.outbox.retry(sent[0]!.key);
    assert.equal((await later.next()).key, sent[0]!.key);
  });

  test('a message that was refused for its token is sent by a new client, with the same key', async () => {
    const { client, next, storage, timer } = open();
    const { key } = client.send({ to, content: 'Hello' });
    (await next()).respond(401, problem('token-expired', 401));
    await settled();
    client.close();
    const later = open(storage, timer);
    assert.deepEqual(
      later.client.outbox.messages().map(({ state, problem }) => [state, problem]),
      [['pending', undefined]],
    );
    assert.equal((await later.next()).key, key);
  });

  test('two clients send a pending message with the same key', async () => {
    const first = open();
    const { key } = first.client.send({ to, content: 'Hello' });
    const second = open(first.storage, first.timer);
    for (const { next } of [first, second]) {
      const request = await next();
      assert.equal(request.key, key);
      request.respond(201, stored('Hello'));
    }
    await settled();
    assert.equal(first.storage.length, 0);
  });

  test('a message that waited for a week is not sent by itself', async () => {
    const first = open();
    first.client.send({ to, content: 'Hello' });
    first.client.close();
    await first.timer.pass(8 * 86_400_000);
    const later = open(first.storage, first.timer);
    await settled();
    assert.equal(later.requests.length, 0);
    const [message] = later.client.outbox.messages();
    assert.deepEqual([message!.state, message!.problem!.status], ['failed', 0]);
  });

  test('items of others, and damaged ones, are ignored', async () => {
    const storage = new MemoryStorage();
    storage.setItem('theme', 'dark');
    storage.setItem('messenger-outbox/ada/1', '{');
    storage.setItem('messenger-outbox/ada/2', '{"to":{},"content":"x","createdAt":1}');
    storage.setItem('messenger-outbox/eve/3', '{"to":{"receiverId":"ben"},"content":"x","createdAt":1}');
    assert.deepEqual(open(storage).client.outbox.messages(), []);
  });

  test('that is full, messages are sent all the same', async () => {
    const storage = new MemoryStorage();
    storage.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    const { client, next } = open(storage);
    const { sent } = client.send({ to, content: 'Hello' });
    (await next()).respond(201, stored('Hello'));
    assert.ok(await sent);
  });
});

test('a group is created once, however often that is repeated', async () => {
  const { client, timer, next } = open();
  const created = client.createGroup({ participantIds: ['ben', 'cleo'], name: 'Lunch' });
  const first = await next();
  assert.equal(first.path, '/api/conversations');
  assert.ok(first.key);
  first.fail();
  for (let failures = 0; failures < 5; failures += 1) {
    await timer.pass(15_000);
    const again = await next();
    assert.equal(again.key, first.key);
    again.respond(503);
  }
  await timer.pass(15_000);
  (await next()).respond(201, { id: 'g', participant_ids: ['ada', 'ben', 'cleo'], creator_id: 'ada' });
  assert.equal((await created).id, 'g');
});
