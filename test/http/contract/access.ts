import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Contract } from '../../contracts/contract.ts';
import {
  sendRequest,
  assertFieldErrors,
  edit,
  eventsAt,
  eventsOf,
  freshUser,
  freshUsers,
  get,
  historyOf,
  inboxOf,
  markRead,
  messagePathOf,
  messagesAt,
  problemIn,
  remove,
  rowsAt,
  send,
  type TextResponse,
  type Conversation,
  type Fetch,
  type Message,
} from '../client.ts';
import type { Guarded } from '../guarded-app.ts';
import { API_REQUESTS, PUBLIC_REQUESTS, type OperationRequest } from '../operations.ts';

type Ids = Pick<Message, 'conversation_id' | 'id'>;

/** All requests for a conversation, with its cursors. */
function pathsTo(id: string, cursor: string): string[] {
  const history = historyOf(id);
  const before = `${history}/before?timestamp=2100-01-01T00:00:00Z`;
  return [
    `/api/conversations/${id}`,
    history,
    `${history}?limit=1&page=2`,
    `${history}?cursor=${cursor}`,
    before,
    `${before}&cursor=${cursor}`,
    `${before}&page=3`,
    `${history.replace(id, id.toUpperCase())}/`,
  ];
}

/** The complete response, without the request id. */
function comparable({ status, headers, text }: TextResponse): unknown {
  const own = headers.get('X-Request-Id') ?? '-';
  const comparedHeaders = [...headers].filter(([name]) => !['x-request-id', 'date'].includes(name));
  return { status, comparedHeaders, text: text.replace(own, 'this request') };
}

/** A conversation with two pages of history, and the cursor of the second page. */
async function talk({ as }: Guarded, one: string, other: string) {
  await send(as(one), one, other, 'Between us');
  const { conversation_id: id } = await send(as(other), other, one, 'Yes');
  const { next_cursor: cursor } = await messagesAt(as(one), `${historyOf(id)}?limit=1`);
  assert.ok(cursor !== null);
  return { id, cursor };
}

/** The operations that everyone with a token may call with any arguments. */
const UNRESTRICTED = ['getUser'];

/** The operations under /api with access rules. */
export const RESTRICTED = API_REQUESTS.filter(({ operationId }) => !UNRESTRICTED.includes(operationId));

/**
 * The request of the example for an operation, about a new group of alice, bob and carol that alice has created and sent a
 * message to. In `unknown` there is no such group.
 */
async function exampleFor(service: Fetch, { method, path, body }: OperationRequest) {
  const [alice, bob] = freshUsers();
  const carol = freshUser();
  const group = await sendRequest(service, 'POST', '/api/conversations', {
    body: { participant_ids: [alice, bob, carol], creator_id: alice },
  });
  const { id } = group.body as Conversation;
  const sent = await sendRequest(service, 'POST', `/api/conversations/${id}/messages`, {
    body: { sender_id: alice, content: 'Hello' },
  });
  const request = (conversation: string) => {
    const text = JSON.stringify({ path, body })
      .replaceAll('alice', alice)
      .replaceAll('bob', bob)
      .replaceAll('carol', carol)
      .replaceAll(CONVERSATION_ID, conversation)
      .replaceAll(MESSAGE_ID, (sent.body as Message).id);
    const example = JSON.parse(text) as { readonly path: string; readonly body?: object };
    return (fetch: Fetch) => sendRequest(fetch, method, example.path, { body: example.body });
  };
  return { alice, known: request(id), unknown: request(randomUUID()) };
}

/** The ids in the examples of openapi.json. */
const CONVERSATION_ID = '9763e288-d989-55b2-b4f9-d793723eb9ef';
const MESSAGE_ID = '019c1363-4a3b-71c8-b15c-0ffee0ddba11';

/** The access rules of every route, from the examples of openapi.json. A new route needs no clause of its own. */
export const routeAccessContract: Contract<Guarded> = Object.fromEntries(
  RESTRICTED.map((operation) => [
    `${operation.operationId} is for alice and services; others get a 403 or 404, whether or not there is such a group`,
    async ({ as, service }: Guarded) => {
      const { known, unknown } = await exampleFor(service, operation);
      const dora = as(freshUser());
      const refused = await known(dora);
      assert.ok([403, 404].includes(refused.status), `for others it is a ${refused.status}`);
      assert.deepEqual(comparable(refused), comparable(await unknown(dora)));
      const byService = await known(service);
      assert.ok(byService.status < 300, `for a service: ${byService.text}`);
      const own = await exampleFor(service, operation);
      const byAlice = await own.known(as(own.alice));
      assert.ok(byAlice.status < 300, `for alice: ${byAlice.text}`);
    },
  ]),
);

export const accessContract = {
  'every request without a token is refused': async ({ anyone }) => {
    for (const { method, path, body } of API_REQUESTS) {
      const answer = await sendRequest(anyone, method, path, { body });
      problemIn(answer, 401, 'token-missing');
      assert.equal(answer.headers.get('WWW-Authenticate'), 'Bearer');
      for (const token of ['Bearer x', 'Bearer a.b.c', 'Basic YTpi', 'Bearer', 'null']) {
        const headers = { Authorization: token };
        const refused = await sendRequest(anyone, method, path, { body, headers });
        problemIn(refused, 401, 'token-invalid');
        assert.equal(refused.headers.get('WWW-Authenticate'), 'Bearer error="invalid_token"');
      }
    }
    for (const path of [...PUBLIC_REQUESTS.map((request) => request.path), '/docs']) {
      assert.equal((await get(anyone, path)).status, 200);
    }
  },

  'participants see the conversation, by every route': async (guarded) => {
    const [anna, ben] = freshUsers();
    const { id, cursor } = await talk(guarded, anna, ben);
    for (const fetch of [guarded.as(anna), guarded.as(ben), guarded.service]) {
      for (const path of pathsTo(id, cursor)) assert.equal((await get(fetch, path)).status, 200, path);
    }
  },

  'non-participants get the same bytes as for a conversation that does not exist, by any route, page or cursor':
    async (guarded) => {
      const [anna, ben] = freshUsers();
      const [carl, dora] = freshUsers();
      const { id, cursor } = await talk(guarded, anna, ben);
      const elsewhere = await talk(guarded, carl, anna);
      const started = await sendRequest(guarded.as(anna), 'POST', '/api/conversations', {
        body: { participant_ids: [anna, freshUser()] },
      });
      const empty = (started.body as Conversation).id;
      for (const stranger of [guarded.as(carl), guarded.as(dora)]) {
        const unknown = randomUUID();
        const without = (paths: readonly string[]) => paths.filter((path) => !path.includes('cursor='));
        const missing = await Promise.all(
          without(pathsTo(unknown, cursor)).map((path) => get(stranger, path)),
        );
        for (const answer of missing) problemIn(answer, 404, 'conversation-not-found');
        for (const there of [id, empty]) {
          const answers = await Promise.all(
            without(pathsTo(there, cursor)).map((path) => get(stranger, path)),
          );
          assert.deepEqual(answers.map(comparable), missing.map(comparable));
        }
        // A cursor grants no access. A cursor of another list is refused before all other checks.
        for (const path of pathsTo(id, cursor)) {
          assert.deepEqual(comparable(await get(stranger, path)), comparable(missing[0]!), path);
        }
        for (const there of [id, unknown]) {
          for (const path of pathsTo(there, elsewhere.cursor).filter((each) => each.includes('cursor='))) {
            problemIn(await get(stranger, path), 400, 'invalid-cursor');
          }
        }
      }
    },

  'the default sender is the caller, and a user cannot send as another user': async ({ as }) => {
    const [anna, ben] = freshUsers();
    const body = { receiver_id: ben, content: 'Hello' };
    for (const path of ['/api/messages', '/api/messages/send']) {
      const own = await sendRequest(as(anna), 'POST', path, { body });
      assert.equal(own.status, 201, own.text);
      assert.equal((own.body as { sender_id: string }).sender_id, anna);
      for (const sender of [ben, freshUser(), 7]) {
        const answer = await sendRequest(as(anna), 'POST', path, { body: { ...body, sender_id: sender } });
        const { errors } = problemIn(answer, 403, 'sender-is-another');
        assert.deepEqual(
          errors?.map(({ pointer }) => pointer),
          ['#/sender_id'],
        );
      }
    }
    assert.equal((await rowsAt(as(ben), inboxOf(ben))).data.length, 1);
  },

  'a service names the sender': async ({ service }) => {
    const [anna, ben] = freshUsers();
    assert.equal((await send(service, anna, ben)).sender_id, anna);
    const body = { receiver_id: ben, content: 'Hello' };
    assertFieldErrors(await sendRequest(service, 'POST', '/api/messages', { body }), 'pointer #/sender_id');
  },

  'a key belongs to its sender': async ({ as }) => {
    const [anna, ben] = freshUsers();
    const carl = freshUser();
    const headers = { 'Idempotency-Key': randomUUID() };
    const post = (sender: string, content: string, claimed?: string) =>
      sendRequest(as(sender), 'POST', '/api/messages', {
        body: { receiver_id: ben, content, ...(claimed !== undefined && { sender_id: claimed }) },
        headers,
      });
    const first = await post(anna, 'Between us');
    assert.equal(first.status, 201);
    // The response reveals neither that the key was used nor for what.
    problemIn(await post(carl, 'Between us', anna), 403, 'sender-is-another');
    problemIn(await post(carl, 'Something else', anna), 403, 'sender-is-another');
    const own = await post(carl, 'Something else');
    assert.equal(own.status, 201);
    assert.equal(own.headers.get('Idempotency-Replayed'), null);
    assert.deepEqual((await post(anna, 'Between us')).body, first.body);
  },

  'only the owner lists an inbox, and only a participant starts a conversation': async ({ as, service }) => {
    const [anna, ben] = freshUsers();
    await send(as(anna), anna, ben);
    for (const fetch of [as(ben), service]) {
      assert.equal((await rowsAt(fetch, inboxOf(ben))).data.length, 1);
    }
    const refused = [ben, freshUser()].map((owner) => get(as(anna), inboxOf(owner)));
    const [full, empty] = await Promise.all(refused);
    problemIn(full!, 403, 'inbox-of-another');
    assert.deepEqual(comparable(full!), comparable(empty!));
    const start = (fetch: Fetch) =>
      sendRequest(fetch, 'POST', '/api/conversations', { body: { participant_ids: [anna, ben] } });
    problemIn(await start(as(freshUser())), 403, 'participants-are-others');
    assert.equal((await start(as(ben))).status, 200);
    assert.equal((await start(service)).status, 200);
  },

  'a conversation is marked as read by its participants, for themselves': async ({ as, service }) => {
    const [anna, ben] = freshUsers();
    const sent = await send(as(anna), anna, ben);
    const last = await send(as(ben), ben, anna);
    const id = sent.conversation_id;
    problemIn(await markRead(as(ben), id, anna, last.id), 403, 'reader-is-another');
    problemIn(await markRead(as(freshUser()), id, anna, last.id), 403, 'reader-is-another');
    assert.equal((await rowsAt(as(anna), inboxOf(anna))).data[0]?.read_up_to, sent.id);
    // The default reader is the caller.
    const own = await markRead(as(anna), id, undefined, last.id);
    assert.deepEqual(own.body, { conversation_id: id, user_id: anna, read_up_to: last.id });
    assert.equal((await markRead(service, id, anna, last.id)).status, 200);
    assertFieldErrors(await markRead(service, id, undefined, last.id), 'pointer #/user_id');
    // A conversation of others gets the same response as one that does not exist.
    const carl = freshUser();
    const missing = comparable(await markRead(as(carl), randomUUID(), undefined, last.id));
    for (const fetch of [as(carl), service]) {
      assert.deepEqual(comparable(await markRead(fetch, id, carl, last.id)), missing);
    }
    problemIn(await markRead(as(carl), id, undefined, last.id), 404, 'conversation-not-found');
  },

  'a message is changed by its sender or a service; other participants get a 403, and others the same 404':
    async ({ as, service }) => {
      const [anna, ben] = freshUsers();
      const carl = freshUser();
      await send(as(carl), carl, anna);
      const sent = await send(as(anna), anna, ben);
      const path = messagePathOf(sent);
      for (const fetch of [as(anna), as(ben), service]) {
        assert.deepEqual((await get(fetch, path)).body, sent);
      }
      problemIn(await edit(as(ben), sent, 'Mine'), 403, 'message-of-another');
      problemIn(await remove(as(ben), sent), 403, 'message-of-another');
      const unknown: Ids = { conversation_id: randomUUID(), id: sent.id };
      for (const request of [
        (one: Ids) => get(as(carl), messagePathOf(one)),
        (one: Ids) => edit(as(carl), one, 'Mine'),
        (one: Ids) => remove(as(carl), one),
      ]) {
        const missing = await request(unknown);
        problemIn(missing, 404, 'conversation-not-found');
        assert.deepEqual(comparable(await request(sent)), comparable(missing));
        assert.deepEqual(
          comparable(await request({ ...sent, id: '019c1363-4a3b-71c8-b15c-0ffee0ddba11' })),
          comparable(missing),
        );
      }
      assert.deepEqual((await get(as(ben), path)).body, sent);
      assert.equal((await edit(as(anna), sent, 'Edited')).status, 200);
      assert.equal((await edit(service, sent, 'By a service')).status, 200);
      assert.equal((await remove(service, sent)).status, 204);
      assert.equal((await remove(as(anna), sent)).status, 204);
      problemIn(await edit(as(ben), sent, 'Mine'), 403, 'message-of-another');
      problemIn(await edit(as(anna), sent, 'Again'), 409, 'message-deleted');
    },

  'a group is for its members, as themselves; its creator removes others, one who has left reads it up to then, and others get the same 404':
    async ({ as, service }) => {
      const [anna, ben] = freshUsers();
      const [carl, dora] = freshUsers();
      const create = (fetch: Fetch, more: object) =>
        sendRequest(fetch, 'POST', '/api/conversations', {
          body: { participant_ids: [anna, ben, carl], ...more },
        });
      problemIn(await create(as(dora), {}), 403, 'participants-are-others');
      problemIn(await create(as(dora), { creator_id: anna }), 403, 'creator-is-another');
      assertFieldErrors(await create(service, {}), 'pointer #/creator_id');
      const created = await create(as(anna), { name: 'Group' });
      assert.equal(created.status, 201);
      const { id, creator_id } = created.body as Conversation;
      assert.equal(creator_id, anna);

      const member = (fetch: Fetch, method: string, group: string, user: string) =>
        sendRequest(fetch, method, `/api/conversations/${group}/participants/${user}`);
      const say = (fetch: Fetch, group: string, body: object = {}) =>
        sendRequest(fetch, 'POST', `/api/conversations/${group}/messages`, {
          body: { content: 'Among us', ...body },
        });
      const rename = (fetch: Fetch, group: string) =>
        sendRequest(fetch, 'PATCH', `/api/conversations/${group}`, { body: { name: 'Renamed' } });
      const sent = await say(as(ben), id);
      assert.equal(sent.status, 201);
      const byService = await say(service, id, { sender_id: anna });
      assert.equal(byService.status, 201);
      const named = await say(as(carl), id, { sender_id: carl });
      assert.equal(named.status, 201);
      problemIn(await say(as(ben), id, { sender_id: anna }), 403, 'sender-is-another');
      assertFieldErrors(await say(service, id), 'pointer #/sender_id');
      const requests = [
        (fetch: Fetch, group: string) => get(fetch, `/api/conversations/${group}`),
        (fetch: Fetch, group: string) => get(fetch, historyOf(group)),
        (fetch: Fetch, group: string) => say(fetch, group),
        (fetch: Fetch, group: string) => member(fetch, 'PUT', group, dora),
        (fetch: Fetch, group: string) => member(fetch, 'DELETE', group, dora),
        (fetch: Fetch, group: string) => member(fetch, 'DELETE', group, ben),
        rename,
      ];
      for (const request of requests) {
        const hidden = comparable(await request(as(dora), id));
        for (const unknown of ['019c1363-4a3b-71c8-b15c-0ffee0ddba11', randomUUID()]) {
          const missing = await request(as(dora), unknown);
          problemIn(missing, 404, 'conversation-not-found');
          assert.deepEqual(hidden, comparable(missing));
        }
      }
      problemIn(await member(as(ben), 'DELETE', id, carl), 403, 'not-the-creator');
      assert.equal((await member(as(anna), 'DELETE', id, carl)).status, 204);
      problemIn(await say(as(carl), id), 403, 'member-left');
      problemIn(await member(as(carl), 'PUT', id, dora), 403, 'member-left');
      problemIn(await rename(as(carl), id), 403, 'member-left');
      const last = await say(as(anna), id);
      assert.equal(last.status, 201);
      const before = [named.body, byService.body, sent.body];
      assert.deepEqual((await messagesAt(as(carl), historyOf(id))).data, before);
      assert.deepEqual((await messagesAt(as(ben), historyOf(id))).data, [last.body, ...before]);
      assert.equal((await member(as(ben), 'PUT', id, dora)).status, 200);
      assert.deepEqual((await messagesAt(as(dora), historyOf(id))).data, []);
      assert.equal((await rename(service, id)).status, 200);
      assert.equal((await member(as(ben), 'DELETE', id, ben)).status, 204);
    },

  'only the owner lists events': async ({ as, service }) => {
    const [anna, ben] = freshUsers();
    for (const fetch of [as(anna), service]) await eventsAt(fetch, eventsOf(anna));
    const { next_cursor: cursor } = await eventsAt(as(anna), eventsOf(anna));
    for (const path of [eventsOf(anna), `${eventsOf(anna)}?cursor=${cursor}`]) {
      problemIn(await get(as(ben), path), 403, 'events-of-another');
    }
  },

  'a user saves their own username, and everyone can read it': async ({ as, service }) => {
    const [anna, ben] = freshUsers();
    const save = (fetch: Fetch, username: string) =>
      sendRequest(fetch, 'PUT', `/api/users/${anna}`, { body: { username } });
    problemIn(await save(as(ben), 'Eve'), 403, 'name-of-another');
    assert.equal((await save(as(anna), 'Anna')).status, 201);
    assert.equal((await save(service, 'Anna A.')).status, 200);
    assert.equal((await get(as(ben), `/api/users/${anna}`)).status, 200);
  },
} satisfies Contract<Guarded>;
