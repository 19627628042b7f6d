import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { buildOfThisProcess } from '../../src/adapters/system/build.ts';
import { sendRequest, get, type Fetch } from './client.ts';
import { zodOf } from './documented.ts';
import { openGuardedApp } from './guarded-app.ts';
import { openApp } from './open-app.ts';
import { openApiDocument as committed, requestsOf } from './operations.ts';

const app = openApp();
const fetch: Fetch = async (request) => app.fetch(request);

/** Routes that the document omits: pages for people and the documentation itself. */
const UNDOCUMENTED = ['GET /', 'GET /docs', 'GET /docs/swagger-ui-dist/:name', 'GET /favicon.ico'];

const withBody = requestsOf(committed).filter(({ body }) => body !== undefined);

describe('the OpenAPI document', () => {
  test('is the committed one', async () => {
    const build = buildOfThisProcess();
    const guarded = openGuardedApp({ build });
    const { body } = await get(async (request) => guarded.fetch(request), '/openapi.json');
    assert.deepEqual(body, committed);
  });

  test('contains every route', () => {
    const routed = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path}`)
      .filter((route) => !UNDOCUMENTED.includes(route));
    const documented = Object.entries(committed.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    assert.deepEqual([...new Set(routed)].sort(), documented.sort());
  });

  test('marks the operations without a token', () => {
    for (const [path, operations] of Object.entries(committed.paths)) {
      for (const { security } of Object.values(operations)) {
        assert.deepEqual(security, path.startsWith('/api/') ? undefined : [], path);
      }
    }
  });

  test('has valid examples of requests', async () => {
    for (const { method, path, body } of requestsOf(committed)) {
      const { status, text } = await sendRequest(fetch, method, path, { body });
      assert.ok(![400, 405, 413, 415, 422].includes(status), text);
    }
  });

  test('has examples of responses that match their schema', () => {
    let checkedCount = 0;
    for (const operations of Object.values(committed.paths)) {
      for (const { responses } of Object.values(operations)) {
        for (const answer of Object.values(responses) as ResponseOf[]) {
          for (const { schema, example } of Object.values(answer.content ?? {})) {
            if (example === undefined) continue;
            assert.equal(zodOf(committed, schema).safeParse(example).error, undefined);
            checkedCount += 1;
          }
        }
      }
    }
    assert.ok(checkedCount > 20);
  });

  test('accepts exactly the bodies that the route accepts', async () => {
    const id = fc.oneof(
      fc.constantFrom<unknown>(
        'alice',
        'a'.repeat(64),
        'a'.repeat(65),
        '',
        '.',
        '..',
        '...',
        'a b',
        'ä',
        '1',
      ),
      fc.constantFrom<unknown>(0, -0, 1, -1, 1.5, 2 ** 53 - 1, 2 ** 53, 1e300, null, true, [], {}),
      fc.string({ maxLength: 5 }),
    );
    const written = fc.oneof(
      fc.constantFrom<unknown>(
        '',
        ' ',
        '\n',
        '\u3000',
        'a',
        ' a ',
        '\0',
        'a\0',
        null,
        0,
        false,
        [],
        ['a'],
        {},
      ),
      fc.constantFrom('a'.repeat(100), 'a'.repeat(101), 'a'.repeat(20_000), 'a'.repeat(20_001)),
      // A schema cannot express lone surrogates.
      fc.string({ unit: 'grapheme', maxLength: 10 }),
    );
    const eventId = fc.oneof(
      fc.constantFrom<unknown>(
        '019c1363-4a3b-71c8-b15c-0ffee0ddba11',
        '019C1363-4A3B-71C8-B15C-0FFEE0DDBA11',
        '019c1363-4a3b-73e7-be7f-0ffee0ddba11',
        '019c1363-4a3b-73e8-b15c-0ffee0ddba11',
        '019c1363-4a3b-71c8-be80-0ffee0ddba11',
        '019c1363-4a3b-41c8-b15c-0ffee0ddba11',
        '019c1363-4a3b-71c8-b15c-0ffee0ddba1',
        '',
        1,
        null,
      ),
      fc.uuid({ version: 7 }),
    );
    const extra = fc.record({ id: fc.constant(1), constructor: fc.constant(1) }, { requiredKeys: [] });
    const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
      sender_id: id,
      receiver_id: id,
      content: written,
      username: written,
      name: written,
      creator_id: id,
      user_id: id,
      up_to: eventId,
      participant_ids: fc.oneof(fc.array(id, { maxLength: 4 }), id),
    };
    for (const { method, path, body: example = {}, bodySchema = {} } of withBody) {
      const schema = zodOf(committed, bodySchema);
      const names = Object.keys(example);
      // Any other member is its example, or a value of another kind.
      const members = Object.entries(example).map(([name, value]) => [
        name,
        values[name] ?? fc.oneof(fc.constant(value), id),
      ]);
      const body = fc
        .tuple(
          fc.record(Object.fromEntries(members), { requiredKeys: [] }),
          fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, extra),
        )
        .map(([all, more]): Record<string, unknown> => ({
          ...all,
          ...more,
        }));
      await fc.assert(
        fc.asyncProperty(body, async (given) => {
          const { status } = await sendRequest(fetch, method, path, { body: given });
          // A schema cannot express that a service must name the user.
          const isNamed = ['sender_id', 'user_id'].every((name) => !names.includes(name) || name in given);
          // A valid reader need not be a participant, nor a valid conversation a group, nor a creator a participant.
          assert.equal(
            [200, 201, 403, 404, 409].includes(status),
            schema.safeParse(withCheckedName(given)).success && isNamed && isGroupOrPair(given),
            `${status}`,
          );
        }),
        { numRuns: 150, examples: [[INVALID_NAME_AND_CREATOR]] },
      );
    }
  });
});

/** A group with an invalid name, by a creator who is not a participant. */
const INVALID_NAME_AND_CREATOR = {
  participant_ids: ['alice', 'bob', 'carol'],
  creator_id: 'dave',
  name: ' ',
};

/** `given` with a valid name if the name is not checked: a creator who is not a participant is refused before that. */
function withCheckedName(given: Readonly<Record<string, unknown>>): object {
  const { participant_ids: users, creator_id: creator, name } = given;
  const isRefused = Array.isArray(users) && !users.map(String).includes(String(creator));
  return isRefused && typeof name === 'string' ? { ...given, name: 'a' } : given;
}

/**
 * What a schema cannot express of a conversation to start: two users have neither a name nor a creator; more are a group of
 * different users, whose creator a service must name.
 */
function isGroupOrPair(given: Readonly<Record<string, unknown>>): boolean {
  const { participant_ids: users } = given;
  if (!Array.isArray(users)) return true;
  if (users.length === 2) return !('name' in given) && !('creator_id' in given);
  return 'creator_id' in given && new Set(users.map(String)).size === users.length;
}

interface ResponseOf {
  readonly content?: Readonly<Record<string, { readonly schema: object; readonly example?: unknown }>>;
}
