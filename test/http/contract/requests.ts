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
  inboxOf,
  messagesAt,
  problemIn,
  send,
  type TextResponse,
  type Fetch,
} from '../client.ts';
import { REQUESTS } from '../operations.ts';

const LIMIT = 256 * 1024;

/** The routes with a body, each with a valid body. */
const ROUTES_WITH_BODY = REQUESTS.flatMap(({ method, path, body }) =>
  body === undefined ? [] : [[method, path, body] as const],
);

/** The allowed methods of each path, in alphabetical order. */
const ALLOWED = Object.fromEntries(
  ['/', '/docs', ...REQUESTS.map(pathOf)].map((path) => {
    const documented = REQUESTS.filter((request) => pathOf(request) === path).map(({ method }) => method);
    const methods = documented.length > 0 ? documented : ['GET'];
    return [path, (methods.includes('GET') ? [...methods, 'HEAD'] : methods).sort().join(', ')];
  }),
);

/**
 * Whether the body was accepted. The message of the example does not exist, and the conversation of the example is not a
 * group, so a request that names one of them is refused only after its body was accepted.
 */
function isAccepted({ status, body }: TextResponse): boolean {
  const { type = '' } = body as { readonly type?: string };
  const isRefusedLater = type.endsWith(':message-not-found') || type.endsWith(':not-a-group');
  return status === 200 || status === 201 || isRefusedLater;
}

function pathOf({ path }: { readonly path: string }): string {
  return path.replace(/\?.*/, '');
}

/** Bodies that are not JSON in UTF-8. */
const MALFORMED: readonly (string | Uint8Array)[] = [
  '',
  ' ',
  '{',
  '{"sender_id":',
  "{'sender_id': 1}",
  '{"content": NaN}',
  '{"content": Infinity}',
  '{"a": 01}',
  '{"a": 1,}',
  '{"a": "\u0001"}',
  'undefined',
  '[[[',
  '['.repeat(100_000),
  '{"a":'.repeat(40_000),
  '{} {}',
  '\0',
  new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
  new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc3, 0x28, 0x22, 0x7d]),
  new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]),
  new Uint8Array([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]),
  new Uint8Array(1000).fill(0x80),
];

/** JSON bodies that no route accepts. */
const INVALID_BODIES: readonly string[] = [
  'null',
  'true',
  '0',
  '1e400',
  '"{}"',
  '[]',
  '{}',
  '[{"sender_id":"a","receiver_id":"b","content":"c"}]',
  '{"__proto__":{"sender_id":"a","receiver_id":"b","content":"c","username":"d","participant_ids":["a","b"]}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"toString":1,"valueOf":2,"then":3,"toJSON":4}',
  '{"":""}',
  '{"\\ud800":"\\udfff","a/b":1,"m~n":2,"<script>":3}',
  '{"sender_id":{"toString":"x"},"receiver_id":[["a"]],"content":{"length":1e9}}',
  '{"participant_ids":{"0":"a","1":"b","length":2},"username":{"length":3}}',
  `{"participant_ids":${'['.repeat(50_000)}${']'.repeat(50_000)},"username":1}`,
  `{"${'k'.repeat(100_000)}":1}`,
  `{${Array.from({ length: 20_000 }, (_, n) => `"k${n}":1`).join()}}`,
  `{"sender_id":${'9'.repeat(100_000)}}`,
  `[${'0,'.repeat(100_000)}0]`,
];

/** Parts of paths and queries from common attacks. */
const ATTACK_PARTS: readonly string[] = [
  '%00',
  '%0d%0aSet-Cookie:%20a=b',
  '%zz',
  '%',
  '%E0%A4%A',
  '%C0%AE%C0%AE%2F',
  '%ff',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '..%2f..%2fpackage.json',
  '%252e%252e',
  "';%20DROP%20TABLE%20users;--",
  '%22%20OR%201=1',
  '${7*7}',
  '%3Cscript%3Ealert(1)%3C/script%3E',
  '__proto__',
  'constructor',
  'toString',
  'NaN',
  '-0',
  '1e400',
  '%F0%9D%92%B3',
  '%EF%BB%BF',
  '%E2%80%AE',
  'x'.repeat(4000),
];

/** Internals that no response may reveal. */
const INTERNALS =
  /node_modules|\.[jt]s:\d|\bat .+:\d+:\d+|\/src\/|Error:|zod|hono|cassandra|undefined|\[object/i;

/** Asserts that `answer` is a short client error without internals. */
function assertClearNo(answer: TextResponse, what: string): void {
  assert.ok(
    answer.status >= 400 && answer.status < 500,
    `${what}: ${answer.status} ${answer.text.slice(0, 200)}`,
  );
  assert.equal(answer.headers.get('Content-Type'), 'application/problem+json', what);
  assert.ok(answer.text.length < 20_000, `${what}: an answer of ${answer.text.length} characters`);
  const shown = INTERNALS.exec(answer.text);
  assert.equal(shown, null, `${what}: shows ${shown?.[0]}`);
}

async function each<Item>(items: readonly Item[], check: (item: Item) => Promise<void>): Promise<void> {
  await Promise.all(items.map(check));
}

function chunked(bytes: number): ReadableStream {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) controller.close();
      else {
        const size = Math.min(left, 16 * 1024);
        controller.enqueue(new Uint8Array(size).fill(0x20));
        left -= size;
      }
    },
  });
}

export const requestsContract = {
  'a trailing slash in a path is ignored': async (fetch) => {
    const { conversation_id, receiver_id } = await send(fetch, ...freshUsers());
    for (const path of [
      historyOf(conversation_id),
      `/api/conversations/${conversation_id}`,
      inboxOf(receiver_id!),
      '/livez',
      '/readyz',
      '/docs',
      '/openapi.json',
    ]) {
      const plain = await get(fetch, path);
      const slashed = await get(fetch, `${path}/`);
      assert.equal(plain.status, 200);
      assert.equal(slashed.status, 200);
      assert.equal(slashed.text, plain.text);
    }
    const before = `${historyOf(conversation_id)}/before/?timestamp=2100-01-01T00:00:00Z`;
    assert.equal((await messagesAt(fetch, before)).data.length, 1);
    for (const [method, path, body] of ROUTES_WITH_BODY) {
      assert.ok(isAccepted(await sendRequest(fetch, method, `${path}/`, { body })));
    }
  },

  'an unknown path is a 404': async (fetch) => {
    for (const path of [
      '/api',
      '/api/message',
      '/API/messages',
      '//api/messages',
      '/api/messages//',
      '/api/messages/conversation',
      '/api/messages/conversation/a/b',
      '/api/conversations/user/a/b',
      '/api/users',
      '/api/users//',
      '/docs/index.html',
      '/favicon',
      '/%20',
      '/.git/config',
    ]) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        problemIn(await sendRequest(fetch, method, path), 404, 'path-not-found');
      }
    }
  },

  'a path that is not percent-encoded UTF-8 is a 400': async (fetch) => {
    problemIn(await get(fetch, '/nowhere/%zz'), 400, 'malformed-path');
    problemIn(await get(fetch, '/%ff'), 400, 'malformed-path');
    for (const id of ['%zz', 'a%', '%E0%A4%A', '%ff']) {
      assertFieldErrors(await get(fetch, `/api/users/${id}`), 'parameter user_id');
      assertFieldErrors(await get(fetch, inboxOf(id)), 'parameter user_id');
      assertFieldErrors(await get(fetch, historyOf(id)), 'parameter conversation_id');
    }
  },

  'an unsupported method is a 405 with Allow': async (fetch) => {
    for (const [path, allowed] of Object.entries(ALLOWED)) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        if (allowed.split(', ').includes(method)) continue;
        for (const slash of path === '/' ? [''] : ['', '/']) {
          const answer = await sendRequest(fetch, method, path + slash);
          problemIn(answer, 405, 'method-not-allowed');
          assert.equal(
            answer.headers.get('Allow')?.split(', ').sort().join(', '),
            allowed,
            `${method} ${path}`,
          );
        }
      }
    }
  },

  'a HEAD responds like a GET, without the body': async (fetch) => {
    const { conversation_id, sender_id } = await send(fetch, ...freshUsers());
    const paths = [
      historyOf(conversation_id),
      inboxOf(sender_id),
      '/readyz',
      '/openapi.json',
      '/nowhere',
      '/%zz',
    ];
    for (const path of [...paths, historyOf(randomUUID()), '/api/users/a%20b']) {
      const [head, body] = [await sendRequest(fetch, 'HEAD', path), await get(fetch, path)];
      assert.equal(head.status, body.status);
      assert.equal(head.text, '');
      assert.equal(head.headers.get('Content-Type'), body.headers.get('Content-Type'));
    }
    const head = await sendRequest(fetch, 'HEAD', '/api/messages');
    assert.deepEqual([head.status, head.text, head.headers.get('Allow')], [405, '', 'POST']);
  },

  'every response has a request id, which is the one of the request if that is valid': async (fetch) => {
    const first = (await get(fetch, '/livez')).headers.get('X-Request-Id');
    const second = (await get(fetch, '/nowhere')).headers.get('X-Request-Id');
    assert.match(first ?? '', /^[0-9a-f-]{36}$/);
    assert.notEqual(first, second);
    const named = async (name: string, path: string) =>
      (await sendRequest(fetch, 'GET', path, { headers: { 'X-Request-Id': name } })).headers.get(
        'X-Request-Id',
      );
    assert.equal(await named('my-request_1', '/livez'), 'my-request_1');
    assert.equal(await named('my-request_1', '/nowhere'), 'my-request_1');
    for (const invalidId of ['two words', '<b>', 'x'.repeat(256), 'ä']) {
      assert.notEqual(await named(invalidId, '/livez'), invalidId);
    }
  },

  'private responses are not cached': async (fetch) => {
    const { sender_id } = await send(fetch, ...freshUsers());
    for (const path of [inboxOf(sender_id), '/nowhere', '/readyz']) {
      assert.equal((await get(fetch, path)).headers.get('Cache-Control'), 'no-store');
    }
  },

  '/ redirects to the docs, whose files come only from this origin': async (fetch) => {
    const front = await get(fetch, '/');
    assert.deepEqual([front.status, front.headers.get('Location')], [302, '/docs']);
    const docs = await get(fetch, '/docs');
    assert.equal(docs.status, 200);
    assert.match(docs.headers.get('Content-Type') ?? '', /^text\/html/);
    assert.deepEqual(docs.text.match(/\bhttps?:/g), null);
    const assets = [...docs.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    assert.equal(assets.length, 2);
    for (const path of assets) {
      const { status, headers, text } = await get(fetch, path);
      assert.equal(status, 200);
      const type = path.endsWith('.css') ? 'text/css' : 'text/javascript';
      assert.equal(headers.get('Content-Type'), `${type}; charset=utf-8`);
      assert.equal(headers.get('Cache-Control'), 'public, max-age=3600');
      assert.ok(text.length > 100_000);
    }
    const icon = await get(fetch, '/favicon.ico');
    assert.equal(icon.status, 302);
    const { status, headers } = await get(fetch, icon.headers.get('Location')!);
    assert.deepEqual([status, headers.get('Content-Type')], [200, 'image/png']);
    const folder = assets[0]!.replace(/[^/]+$/, '');
    for (const name of [
      'package.json',
      'index.html',
      '..%2fpackage.json',
      '..%5cpackage.json',
      'constructor',
      '%00',
    ]) {
      problemIn(await get(fetch, folder + name), 404, 'path-not-found');
    }
  },

  'the service is live and ready': async (fetch) => {
    const [live, ready] = [await get(fetch, '/livez'), await get(fetch, '/readyz')];
    assert.deepEqual([live.status, live.body], [200, { status: 'live' }]);
    assert.deepEqual([ready.status, ready.body], [200, { status: 'ready' }]);
  },

  'the service reports its version and its commit': async (fetch) => {
    const { status, body } = await get(fetch, '/version');
    assert.equal(status, 200);
    const { version, commit, ...rest } = body as { version: unknown; commit: unknown };
    assert.match(String(version), /^\d+\.\d+\.\d+/);
    assert.match(String(commit), /^(null|[0-9a-f]{7,40}(-dirty)?)$/);
    assert.deepEqual(rest, {});
  },

  'a body of another media type is a 415': async (fetch) => {
    for (const [method, path, body] of ROUTES_WITH_BODY) {
      const text = JSON.stringify(body);
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'text/json',
        'json',
      ]) {
        const answer = await sendRequest(fetch, method, path, {
          body: text,
          headers: { 'Content-Type': type },
        });
        const { errors } = problemIn(answer, 415, 'unsupported-media-type');
        assert.deepEqual(
          errors?.map(({ header }) => header),
          ['Content-Type'],
        );
      }
      for (const type of [
        'application/json; charset=utf-8',
        'APPLICATION/JSON',
        'application/vnd.messenger+json',
      ]) {
        const headers = { 'Content-Type': type };
        assert.ok(isAccepted(await sendRequest(fetch, method, path, { body: text, headers })), type);
      }
    }
  },

  'a body without media type is a 415, and a missing body a 400': async (fetch) => {
    for (const [method, path, body] of ROUTES_WITH_BODY) {
      const bytes = new TextEncoder().encode(JSON.stringify(body));
      const untyped = await fetch(new Request(`http://messenger.test${path}`, { method, body: bytes }));
      assert.equal(untyped.status, 415);
      await untyped.body?.cancel();
      const { status, headers } = await sendRequest(fetch, method, path);
      assert.equal(status, 400);
      assert.equal(headers.get('Content-Type'), 'application/problem+json');
    }
  },

  'a body over 256 KiB is a 413, with Content-Length or chunked': async (fetch) => {
    for (const [method, path] of ROUTES_WITH_BODY) {
      for (const bytes of [LIMIT + 1, 4 * LIMIT]) {
        problemIn(await sendRequest(fetch, method, path, { body: chunked(bytes) }), 413, 'body-too-large');
        const headers = { 'Content-Length': `${bytes}` };
        problemIn(
          await sendRequest(fetch, method, path, { body: ' '.repeat(bytes), headers }),
          413,
          'body-too-large',
        );
      }
      problemIn(await sendRequest(fetch, method, path, { body: chunked(LIMIT) }), 400, 'malformed-body');
      const headers = { 'Content-Length': `${LIMIT}` };
      problemIn(
        await sendRequest(fetch, method, path, { body: ' '.repeat(LIMIT), headers }),
        400,
        'malformed-body',
      );
    }
  },

  'the longest content is accepted, even with every character escaped': async (fetch) => {
    const content = '𝒳'.repeat(20_000);
    const escaped = '\\ud835\\udcb3'.repeat(20_000);
    const [alice, bob] = freshUsers();
    const body = `{"sender_id":"${alice}","receiver_id":"${bob}","content":"${escaped}"}`;
    const answer = await sendRequest(fetch, 'POST', '/api/messages', { body });
    assert.equal(answer.status, 201);
    assert.equal((answer.body as { content: string }).content, content);
  },

  'a body that is not JSON in UTF-8 is a 400': async (fetch) => {
    for (const [method, path] of ROUTES_WITH_BODY) {
      await each(MALFORMED, async (body) => {
        const answer = await sendRequest(fetch, method, path, { body });
        const { errors } = problemIn(answer, 400, 'malformed-body');
        assert.deepEqual(
          errors?.map(({ pointer }) => pointer),
          ['#'],
        );
        assertClearNo(answer, `${method} ${path} ${String(body).slice(0, 60)}`);
      });
    }
  },

  'a body that is not an object is a 400 that says so': async (fetch) => {
    for (const [method, path] of ROUTES_WITH_BODY) {
      for (const body of ['null', 'true', '7', '"text"', '[]', '1e400']) {
        assertFieldErrors(await sendRequest(fetch, method, path, { body }), 'pointer #');
      }
    }
  },

  'an error names every missing member': async (fetch) => {
    assertFieldErrors(
      await sendRequest(fetch, 'POST', '/api/messages', { body: {} }),
      'pointer #/sender_id',
      'pointer #/receiver_id',
      'pointer #/content',
    );
    assertFieldErrors(
      await sendRequest(fetch, 'POST', '/api/conversations', { body: {} }),
      'pointer #/participant_ids',
    );
    assertFieldErrors(
      await sendRequest(fetch, 'PUT', '/api/users/alice', { body: {} }),
      'pointer #/username',
    );
  },

  'an unknown member is a 400 that names it': async (fetch) => {
    for (const [method, path, body] of ROUTES_WITH_BODY) {
      for (const [name, pointer] of [
        ['id', '#/id'],
        ['Content', '#/Content'],
        ['constructor', '#/constructor'],
        ['toString', '#/toString'],
        ['', '#/'],
        ['a/b~c', '#/a~1b~0c'],
        ['größe %', '#/gr%C3%B6%C3%9Fe%20%25'],
        ['\ud800', '#/%EF%BF%BD'],
        ['x'.repeat(65), `#/${'x'.repeat(64)}%E2%80%A6`],
      ] as const) {
        assertFieldErrors(
          await sendRequest(fetch, method, path, { body: { ...body, [name]: 1 } }),
          `pointer ${pointer}`,
        );
      }
      const proto = `{"__proto__":{"admin":true},${JSON.stringify(body).slice(1)}`;
      assertFieldErrors(await sendRequest(fetch, method, path, { body: proto }), 'pointer #/__proto__');
    }
  },

  'attack bodies get a short client error on every route': async (fetch) => {
    for (const [method, path] of ROUTES_WITH_BODY) {
      await each(INVALID_BODIES, async (body) => {
        const answer = await sendRequest(fetch, method, path, { body });
        problemIn(answer, 400, 'invalid-request');
        assertClearNo(answer, `${method} ${path} ${body.slice(0, 60)}`);
      });
    }
  },

  'attack paths and parameters get a short client error on every route': async (fetch) => {
    const { conversation_id, sender_id } = await send(fetch, ...freshUsers());
    const places = [
      (part: string) => historyOf(part),
      (part: string) => `${historyOf(part)}/before?timestamp=2100-01-01T00:00:00Z`,
      (part: string) => `${historyOf(conversation_id)}?cursor=${part}`,
      (part: string) => `${historyOf(conversation_id)}?limit=${part}`,
      (part: string) => `${historyOf(conversation_id)}?page=${part}`,
      (part: string) => `${historyOf(conversation_id)}/before?timestamp=${part}`,
      (part: string) => `${historyOf(conversation_id)}/before?before_timestamp=${part}`,
      (part: string) => `/api/conversations/${part}`,
      (part: string) => `${inboxOf(sender_id)}?cursor=${part}`,
      (part: string) => `${inboxOf(sender_id)}?limit=${part}`,
      (part: string) => `/docs/swagger-ui-dist/${part}`,
      (part: string) => `/${part}`,
    ];
    for (const place of places) {
      await each(ATTACK_PARTS, async (part) => assertClearNo(await get(fetch, place(part)), place(part)));
    }
    // Some of them are valid user ids.
    for (const part of ATTACK_PARTS.filter((strange) => !/^[\w-]{1,64}$/.test(strange))) {
      for (const path of [inboxOf(part), `/api/users/${part}`]) assertClearNo(await get(fetch, path), path);
    }
  },

  'attack headers are refused or ignored': async (fetch) => {
    for (const value of ['\u00ff'.repeat(100), "' OR 1=1; --", '${jndi:ldap://x}', '\t']) {
      const body = { sender_id: freshUser(), receiver_id: freshUser(), content: 'Hello' };
      const answer = await sendRequest(fetch, 'POST', '/api/messages', {
        body,
        headers: { 'Idempotency-Key': value },
      });
      if (answer.status !== 201) assertClearNo(answer, `Idempotency-Key: ${value}`);
      const other = await sendRequest(fetch, 'GET', '/livez', {
        headers: { 'X-Request-Id': value, Accept: value },
      });
      assert.equal(other.status, 200);
      assert.match(other.headers.get('X-Request-Id') ?? '', /^[\w=-]+$/);
    }
  },
} satisfies Contract<Fetch>;
