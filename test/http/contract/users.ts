import assert from 'node:assert/strict';
import type { Contract } from '../../contracts/contract.ts';
import {
  sendRequest,
  assertFieldErrors,
  freshUser,
  get,
  problemIn,
  type Fetch,
  type User,
} from '../client.ts';

const save = (fetch: Fetch, id: string, username: unknown) =>
  sendRequest(fetch, 'PUT', `/api/users/${id}`, { body: { username } });

export const usersContract = {
  'a new user is a 201; later saves are a 200 with the first creation time': async (fetch) => {
    const alice = freshUser();
    const first = await save(fetch, alice, 'Alice');
    assert.equal(first.status, 201);
    const { id, username, created_at } = first.body as User;
    assert.deepEqual([id, username], [alice, 'Alice']);
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}000Z$/);
    const again = await save(fetch, alice, 'Alice Adler');
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, { id: alice, username: 'Alice Adler', created_at });
    assert.deepEqual((await get(fetch, `/api/users/${alice}`)).body, again.body);
  },

  'a user who was never saved is a 404': async (fetch) => {
    problemIn(await get(fetch, `/api/users/${freshUser()}`), 404, 'user-not-found');
  },

  'a username is returned byte for byte': async (fetch) => {
    const alice = freshUser();
    for (const username of [' Alice ', '🧑🏽‍🚀', 'e\u0301', '𝒳'.repeat(100), '"<b>']) {
      assert.equal(((await save(fetch, alice, username)).body as User).username, username);
      assert.equal(((await get(fetch, `/api/users/${alice}`)).body as User).username, username);
    }
  },

  'a blank, too long or invalid username is refused': async (fetch) => {
    const refused: [string, string][] = [
      ['', 'username-blank'],
      ['\t ', 'username-blank'],
      ['𝒳'.repeat(101), 'username-too-long'],
      ['a\0', 'username-not-text'],
      ['\udfff', 'username-not-text'],
    ];
    for (const [username, type] of refused) {
      const { errors } = problemIn(await save(fetch, freshUser(), username), 400, type);
      assert.deepEqual(
        errors?.map(({ pointer }) => pointer),
        ['#/username'],
      );
    }
    for (const username of [null, 7, ['Alice'], {}]) {
      assertFieldErrors(await save(fetch, freshUser(), username), 'pointer #/username');
    }
  },

  'a user id in a path is text': async (fetch) => {
    assert.equal((await save(fetch, '1', 'One')).status < 300, true);
    for (const id of ['x'.repeat(65), 'a%20b', '%C3%A4', '%252e']) {
      assertFieldErrors(await save(fetch, id, 'Alice'), 'parameter user_id');
      assertFieldErrors(await get(fetch, `/api/users/${id}`), 'parameter user_id');
    }
  },
} satisfies Contract<Fetch>;
