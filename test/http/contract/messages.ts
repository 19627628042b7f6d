import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Contract } from '../../contracts/contract.ts';
import {
  sendRequest,
  assertFieldErrors,
  freshUser,
  freshUsers,
  get,
  historyOf,
  messagesAt,
  problemIn,
  send,
  sendMany,
  type Fetch,
  type Message,
} from '../client.ts';

const SEND_PATHS = ['/api/messages', '/api/messages/send'];

/** Texts that software often changes or misinterprets. */
const TEXTS = [
  ' with surrounding white space \t\r\n',
  'e\u0301 is not \u00e9',
  '👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽',
  'שלום \u202eمرحبا\u202c',
  '\u0001\u007f\u0085\u200b\u2028\ufffd\uffff',
  '\ufefftext that begins with a byte order mark',
  `<script>alert("'")</script> \\u0041 %s {} $1 &amp; ' OR 1=1; --`,
  'null',
  '𝒳'.repeat(20_000),
];

const to = (sender: string, receiver: string, content: unknown = 'Hello') => ({
  body: { sender_id: sender, receiver_id: receiver, content },
});

const keyed = (key: string, sender: string, receiver: string, content = 'Hello') => ({
  ...to(sender, receiver, content),
  headers: { 'Idempotency-Key': key },
});

export const messagesContract = {
  'a sent message is a 201 with the stored message': async (fetch) => {
    const [alice, bob] = freshUsers();
    for (const path of SEND_PATHS) {
      const { status, headers, body } = await sendRequest(fetch, 'POST', path, to(alice, bob, 'Hello, Bob'));
      assert.equal(status, 201);
      assert.equal(headers.get('Content-Type'), 'application/json');
      const { id, conversation_id, created_at, ...rest } = body as Message;
      assert.deepEqual(rest, {
        sender_id: alice,
        receiver_id: bob,
        content: 'Hello, Bob',
        edited_at: null,
        deleted_at: null,
      });
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      const { data } = await messagesAt(fetch, historyOf(conversation_id));
      assert.deepEqual(data[0], body);
    }
  },

  'the 201 of a message has no Location': async (fetch) => {
    const { headers } = await sendRequest(fetch, 'POST', '/api/messages', to(...freshUsers()));
    assert.equal(headers.get('Location'), null);
  },

  'two users have one conversation, for messages in both directions': async (fetch) => {
    const [alice, bob] = freshUsers();
    const there = await send(fetch, alice, bob);
    const back = await send(fetch, bob, alice);
    assert.equal(back.conversation_id, there.conversation_id);
    const { data } = await messagesAt(fetch, historyOf(there.conversation_id));
    assert.deepEqual(data, [back, there]);
  },

  'a whole number in a body is the user of its decimal digits': async (fetch) => {
    for (const [number, digits] of [
      ['0', '0'],
      ['7', '7'],
      ['1e2', '100'],
      ['9007199254740991', '9007199254740991'],
    ]) {
      const bob = freshUser();
      const body = `{"sender_id":${number},"receiver_id":"${bob}","content":"Hello"}`;
      const answer = await sendRequest(fetch, 'POST', '/api/messages', { body });
      assert.equal(answer.status, 201, answer.text);
      const message = answer.body as Message;
      assert.equal(message.sender_id, digits);
      assert.equal((await send(fetch, bob, digits!)).conversation_id, message.conversation_id);
    }
  },

  'numbers that are not valid ids are refused': async (fetch) => {
    for (const number of [
      '-1',
      '1.5',
      '9007199254740992',
      '1e400',
      '-1e400',
      '1e-7',
      '12345678901234567890',
    ]) {
      const body = `{"sender_id":${number},"receiver_id":"bob","content":"Hello"}`;
      assertFieldErrors(await sendRequest(fetch, 'POST', '/api/messages', { body }), 'pointer #/sender_id');
    }
  },

  'a user id has 1–64 characters of its alphabet': async (fetch) => {
    const longest = freshUser().padEnd(64, '.:@_-');
    assert.equal((await send(fetch, longest, '...')).sender_id, longest);
    for (const id of ['', '.', '..', `${longest}x`, 'a b', 'a/b', 'ä', 'a\n', '\0', 'a%20b', '𝒳']) {
      const answer = await sendRequest(fetch, 'POST', '/api/messages', to('alice', id));
      assertFieldErrors(answer, 'pointer #/receiver_id');
    }
  },

  'content is returned byte for byte': async (fetch) => {
    const [alice, bob] = freshUsers();
    for (const text of TEXTS) {
      const message = await send(fetch, alice, bob, text);
      assert.equal(message.content, text);
      const { data } = await messagesAt(fetch, `${historyOf(message.conversation_id)}?limit=1`);
      assert.equal(data[0]?.content, text);
    }
  },

  'blank, too long or invalid content is refused': async (fetch) => {
    const refused: [string, string][] = [
      ['', 'content-blank'],
      [' \t\r\n\u00a0\u3000', 'content-blank'],
      ['𝒳'.repeat(20_001), 'content-too-long'],
      ['a'.repeat(20_001), 'content-too-long'],
      ['a\0b', 'content-not-text'],
      ['half of a pair: \ud83d', 'content-not-text'],
      ['\ude00 the other half', 'content-not-text'],
    ];
    for (const [content, type] of refused) {
      const { errors } = problemIn(
        await sendRequest(fetch, 'POST', '/api/messages', to('alice', 'bob', content)),
        400,
        type,
      );
      assert.deepEqual(
        errors?.map(({ pointer }) => pointer),
        ['#/content'],
      );
    }
  },

  'content of another JSON type is refused': async (fetch) => {
    for (const content of [null, 1, true, [], {}, ['Hello'], { text: 'Hello' }]) {
      const answer = await sendRequest(fetch, 'POST', '/api/messages', to('alice', 'bob', content));
      assertFieldErrors(answer, 'pointer #/content');
    }
  },

  'a repeated send with its key returns the same message, marked as a replay': async (fetch) => {
    const [alice, bob] = freshUsers();
    const key = randomUUID();
    const first = await sendRequest(fetch, 'POST', '/api/messages', keyed(key, alice, bob));
    assert.equal(first.status, 201);
    assert.equal(first.headers.get('Idempotency-Replayed'), null);
    for (const path of SEND_PATHS) {
      const again = await sendRequest(fetch, 'POST', path, keyed(key, alice, bob));
      assert.equal(again.status, 201);
      assert.equal(again.headers.get('Idempotency-Replayed'), 'true');
      assert.deepEqual(again.body, first.body);
    }
    const { data } = await messagesAt(fetch, historyOf((first.body as Message).conversation_id));
    assert.equal(data.length, 1);
  },

  'concurrent sends with one key are one message': async (fetch) => {
    const [alice, bob] = freshUsers();
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => sendRequest(fetch, 'POST', '/api/messages', keyed(key, alice, bob))),
    );
    const [first] = answers.map(({ body }) => body as Message);
    for (const { status, body } of answers) {
      assert.equal(status, 201);
      assert.deepEqual(body, first);
    }
    assert.equal(answers.filter(({ headers }) => !headers.has('Idempotency-Replayed')).length, 1);
    const { data } = await messagesAt(fetch, historyOf(first!.conversation_id));
    assert.equal(data.length, 1);
  },

  'a key with another body is refused': async (fetch) => {
    const [alice, bob] = freshUsers();
    const key = randomUUID();
    await sendRequest(fetch, 'POST', '/api/messages', keyed(key, alice, bob));
    for (const other of [keyed(key, alice, bob, 'Hello!'), keyed(key, alice, freshUser())]) {
      const { errors } = problemIn(
        await sendRequest(fetch, 'POST', '/api/messages', other),
        422,
        'idempotency-key-reused',
      );
      assert.deepEqual(
        errors?.map(({ header }) => header),
        ['Idempotency-Key'],
      );
    }
  },

  'a key belongs to its sender': async (fetch) => {
    const [alice, bob] = freshUsers();
    const key = randomUUID();
    const there = await sendRequest(fetch, 'POST', '/api/messages', keyed(key, alice, bob));
    const back = await sendRequest(fetch, 'POST', '/api/messages', keyed(key, bob, alice));
    assert.equal(back.status, 201);
    assert.notEqual((back.body as Message).id, (there.body as Message).id);
  },

  'a key has 1–255 visible ASCII characters': async (fetch) => {
    const longest = randomUUID().padEnd(255, '!~');
    assert.equal(
      (await sendRequest(fetch, 'POST', '/api/messages', keyed(longest, ...freshUsers()))).status,
      201,
    );
    for (const key of ['', 'two words', `${longest}x`, 'schlüssel', 'a\tb']) {
      const answer = await sendRequest(fetch, 'POST', '/api/messages', keyed(key, ...freshUsers()));
      assertFieldErrors(answer, 'header Idempotency-Key');
    }
  },

  'the history of a conversation that does not exist is a 404; an empty conversation has an empty page':
    async (fetch) => {
      for (const suffix of ['', '/before?before_timestamp=2100-01-01T00:00:00Z']) {
        const nowhere = await get(fetch, historyOf(randomUUID()) + suffix);
        problemIn(nowhere, 404, 'conversation-not-found');
        const started = await sendRequest(fetch, 'POST', '/api/conversations', {
          body: { participant_ids: freshUsers() },
        });
        const { id } = started.body as { id: string };
        assert.deepEqual(await messagesAt(fetch, historyOf(id) + suffix), {
          data: [],
          limit: 20,
          next_cursor: null,
        });
      }
    },

  'a conversation id is a UUID in upper or lower case': async (fetch) => {
    const { conversation_id } = await send(fetch, ...freshUsers());
    const { data } = await messagesAt(fetch, historyOf(conversation_id.toUpperCase()));
    assert.equal(data.length, 1);
    for (const id of ['1', 'x'.repeat(36), `${conversation_id}0`, '%00', `{${conversation_id}}`]) {
      assertFieldErrors(await get(fetch, historyOf(id)), 'parameter conversation_id');
    }
  },

  '`before` lists the messages strictly before a time, with both names of the parameter': async (fetch) => {
    const [third, second, first] = await sendMany(fetch, ...freshUsers(), 3);
    const path = `${historyOf(first!.conversation_id)}/before`;
    for (const name of ['before_timestamp', 'timestamp']) {
      const before = async (time: string) =>
        (await messagesAt(fetch, `${path}?${name}=${encodeURIComponent(time)}`)).data;
      assert.deepEqual(await before('2100-01-01T00:00:00Z'), [third, second, first]);
      assert.deepEqual(await before(third!.created_at), [second, first]);
      assert.deepEqual(await before(second!.created_at), [first]);
      assert.deepEqual(await before(first!.created_at), []);
      assert.deepEqual(await before('0000-01-01T00:00:00Z'), []);
    }
  },

  'a time may have another zone, no zone, a space for the plus sign, and fewer digits': async (fetch) => {
    const message = await send(fetch, ...freshUsers());
    const path = `${historyOf(message.conversation_id)}/before?timestamp=`;
    const found = async (time: string) => (await messagesAt(fetch, path + time)).data.length;
    assert.equal(await found('2100-01-01T00:00:00'), 1);
    assert.equal(await found('2100-01-01T00:00:00%2B01:00'), 1);
    assert.equal(await found('2100-01-01T00:00:00+01:00'), 1);
    assert.equal(await found('2100-01-01T00:00:00-23:59'), 1);
    assert.equal(await found('2100-01-01T00:00:00.1Z'), 1);
    assert.equal(await found('2000-01-01T00:00:00.123456789123Z'), 0);
    assert.equal(await found(message.created_at.replace('Z', '1Z')), 1, 'a tenth digit is after the ninth');
    assert.equal(await found(message.created_at.replace('Z', '')), 0);
  },

  'an invalid, missing or duplicate time is refused': async (fetch) => {
    const { conversation_id } = await send(fetch, ...freshUsers());
    const path = `${historyOf(conversation_id)}/before`;
    assertFieldErrors(await get(fetch, path), 'parameter before_timestamp');
    for (const time of [
      '',
      'now',
      '1700000000',
      '2026-02-30T00:00:00Z',
      '2026-01-01',
      '2026-01-01T24:00:00Z',
    ]) {
      assertFieldErrors(await get(fetch, `${path}?timestamp=${time}`), 'parameter timestamp');
    }
    const time = '2026-01-01T00:00:00Z';
    assertFieldErrors(await get(fetch, `${path}?timestamp=${time}&timestamp=${time}`), 'parameter timestamp');
  },

  'both parameter names are accepted only with the same time': async (fetch) => {
    const { conversation_id } = await send(fetch, ...freshUsers());
    const path = `${historyOf(conversation_id)}/before?timestamp=2100-01-01T01:00:00%2B01:00`;
    assert.equal((await messagesAt(fetch, `${path}&before_timestamp=2100-01-01T00:00:00Z`)).data.length, 1);
    assertFieldErrors(
      await get(fetch, `${path}&before_timestamp=2100-01-01T00:00:01Z`),
      'parameter timestamp',
    );
  },

  'with a time and a cursor the earlier bound applies, and a cursor alone is refused': async (fetch) => {
    const [alice, bob] = freshUsers();
    const [fourth, third, second, first] = await sendMany(fetch, alice, bob, 4);
    const history = historyOf(first!.conversation_id);
    const { next_cursor: belowThird } = await messagesAt(fetch, `${history}?limit=2`);
    const before = async (time: string) =>
      (await messagesAt(fetch, `${history}/before?timestamp=${time}&cursor=${belowThird}`)).data;
    assert.deepEqual(await before(fourth!.created_at), [second, first]);
    assert.deepEqual(await before(third!.created_at), [second, first]);
    assert.deepEqual(await before(second!.created_at), [first]);
    assertFieldErrors(
      await get(fetch, `${history}/before?cursor=${belowThird}`),
      'parameter before_timestamp',
    );
  },
} satisfies Contract<Fetch>;
