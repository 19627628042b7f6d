import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Contract } from '../../contracts/contract.ts';
import {
  sendRequest,
  assertMembers,
  assertFieldErrors,
  freshUser,
  get,
  historyOf,
  inboxOf,
  messagesAt,
  problemIn,
  rowsAt,
  send,
  type TextResponse,
  type Fetch,
} from '../client.ts';

/** A conversation, an entry of an inbox, a message or an event, by the names on the wire. */
type View = Readonly<Record<string, unknown>>;

const users = (count: number): string[] => Array.from({ length: count }, freshUser);

const create = (fetch: Fetch, body: object, headers: Record<string, string> = {}) =>
  sendRequest(fetch, 'POST', '/api/conversations', { body, headers });

/** A new group that the first of `participants` creates. */
async function group(fetch: Fetch, participants: readonly string[], name?: string): Promise<string> {
  const answer = await create(fetch, {
    participant_ids: participants,
    creator_id: participants[0],
    ...(name !== undefined && { name }),
  });
  assert.equal(answer.status, 201, answer.text);
  return (answer.body as { id: string }).id;
}

const say = (
  fetch: Fetch,
  id: string,
  sender: unknown,
  content = 'Hello',
  headers: Record<string, string> = {},
) =>
  sendRequest(fetch, 'POST', `/api/conversations/${id}/messages`, {
    body: { sender_id: sender, content },
    headers,
  });

async function said(fetch: Fetch, id: string, sender: string, content?: string): Promise<View> {
  const answer = await say(fetch, id, sender, content);
  assert.equal(answer.status, 201, answer.text);
  return answer.body as View;
}

const member = (fetch: Fetch, method: 'PUT' | 'DELETE', id: string, user: string): Promise<TextResponse> =>
  sendRequest(fetch, method, `/api/conversations/${id}/participants/${user}`);

const rename = (fetch: Fetch, id: string, name: unknown) =>
  sendRequest(fetch, 'PATCH', `/api/conversations/${id}`, { body: { name } });

async function entry(fetch: Fetch, user: string, id: string): Promise<View> {
  const { data } = await rowsAt(fetch, `${inboxOf(user)}?unread_counts=true`);
  return data.find((row) => row.id === id) ?? assert.fail('the group is not in the inbox');
}

export const groupsContract = {
  'three users or more are a new group each time': async (fetch) => {
    const [alice = '', ...others] = users(3);
    const participants = [alice, ...others];
    const { status, headers, body } = await create(fetch, {
      participant_ids: participants,
      creator_id: alice,
      name: 'Lunch',
    });
    assert.equal(status, 201);
    const { id, created_at, ...rest } = body as View;
    assert.equal(headers.get('Location'), `/api/conversations/${String(id)}`);
    assert.deepEqual(rest, {
      participant_ids: [...participants].sort(),
      name: 'Lunch',
      creator_id: alice,
      last_message_id: null,
      last_message_sender_id: null,
      last_message_content: null,
      last_message_at: null,
      read_positions: null,
    });
    assert.ok(typeof created_at === 'string');
    assert.deepEqual((await get(fetch, `/api/conversations/${String(id)}`)).body, body);
    assert.notEqual(await group(fetch, participants), id);
  },

  'a key makes the creation of a group repeatable': async (fetch) => {
    const participants = users(4);
    const body = { participant_ids: participants, creator_id: participants[0], name: 'Once' };
    const headers = { 'Idempotency-Key': randomUUID() };
    const first = await create(fetch, body, headers);
    const again = await create(fetch, body, headers);
    assert.equal(again.status, 201);
    assert.equal(first.headers.get('Idempotency-Replayed'), null);
    assert.equal(again.headers.get('Idempotency-Replayed'), 'true');
    assert.deepEqual(again.body, first.body);
    problemIn(await create(fetch, { ...body, name: 'Twice' }, headers), 422, 'idempotency-key-reused');
    for (const key of ['', 'a b', 'a'.repeat(256)]) {
      assertFieldErrors(await create(fetch, body, { 'Idempotency-Key': key }), 'header Idempotency-Key');
    }
  },

  'an invalid group is refused': async (fetch) => {
    const [alice = '', bob = '', carol = ''] = users(3);
    const body = { participant_ids: [alice, bob, carol], creator_id: alice };
    assertFieldErrors(await create(fetch, { participant_ids: body.participant_ids }), 'pointer #/creator_id');
    assertFieldErrors(
      await create(fetch, { ...body, participant_ids: [alice, bob, alice] }),
      'pointer #/participant_ids/2',
    );
    assertFieldErrors(
      await create(fetch, { ...body, participant_ids: [1, 2, '1'], creator_id: 1 }),
      'pointer #/participant_ids/2',
    );
    assertFieldErrors(
      await create(fetch, { ...body, participant_ids: [alice, '', bob] }),
      'pointer #/participant_ids/1',
    );
    assertFieldErrors(
      await create(fetch, { participant_ids: [alice, bob], creator_id: alice, name: 'Only two' }),
      'pointer #/name',
      'pointer #/creator_id',
    );
    for (const participant_ids of [null, 'abc', {}, 3]) {
      assertFieldErrors(await create(fetch, { ...body, participant_ids }), 'pointer #/participant_ids');
    }
    for (const name of [1, null, [], {}])
      assertFieldErrors(await create(fetch, { ...body, name }), 'pointer #/name');
    problemIn(await create(fetch, { ...body, creator_id: freshUser() }), 403, 'participants-are-others');
    for (const [name, type] of [
      ['', 'group-name-blank'],
      [' \n', 'group-name-blank'],
      ['a'.repeat(101), 'group-name-too-long'],
      ['a\0', 'group-name-not-text'],
      ['\ud800', 'group-name-not-text'],
    ] as const) {
      problemIn(await create(fetch, { ...body, name }), 400, type);
    }
    const { detail } = problemIn(
      await create(fetch, { participant_ids: [alice, ...users(256)], creator_id: alice }),
      422,
      'group-too-large',
    );
    assert.match(detail, /256/);
    const many = Array.from({ length: 20_000 }, () => 1);
    problemIn(await create(fetch, { participant_ids: many, creator_id: 1 }), 422, 'group-too-large');
  },

  'a group has up to 256 participants': async (fetch) => {
    const participants = users(256);
    const id = await group(fetch, participants);
    const message = await said(fetch, id, participants[255] ?? '');
    assert.equal((await entry(fetch, participants[100] ?? '', id))['last_message_id'], message['id']);
    problemIn(await member(fetch, 'PUT', id, freshUser()), 422, 'group-too-large');
    assert.equal((await member(fetch, 'DELETE', id, participants[7] ?? '')).status, 204);
    assert.equal((await member(fetch, 'PUT', id, freshUser())).status, 200);
  },

  'a message to a group is in the inbox, the history and the events of every participant': async (fetch) => {
    const participants = users(3);
    const [alice = '', bob = ''] = participants;
    const id = await group(fetch, participants, 'Lunch');
    const cursors = new Map<string, string>();
    for (const user of participants) {
      const { next_cursor } = (await get(fetch, `/api/events/user/${user}`)).body as { next_cursor: string };
      cursors.set(user, next_cursor);
    }
    const message = await said(fetch, id, alice, 'Noon?');
    assert.deepEqual(message, {
      id: message['id'],
      conversation_id: id,
      sender_id: alice,
      receiver_id: null,
      content: 'Noon?',
      created_at: message['created_at'],
      edited_at: null,
      deleted_at: null,
    });
    assert.deepEqual((await messagesAt(fetch, historyOf(id))).data, [message]);
    assertMembers(await entry(fetch, bob, id), {
      id,
      participant_ids: null,
      other_user_id: null,
      name: 'Lunch',
      left_at: null,
      last_message_id: message.id,
      last_message_sender_id: alice,
      last_message_content: 'Noon?',
      last_message_at: message.created_at,
      last_event_id: message.id,
      read_up_to: null,
      unread: true,
      unread_count: 1,
    });
    for (const user of participants) {
      const { body } = await get(fetch, `/api/events/user/${user}?cursor=${cursors.get(user) ?? ''}`);
      const { data } = body as { data: View[] };
      assert.deepEqual(
        data.map(({ type, data }) => [type, data]),
        [['message.created', message]],
      );
    }
  },

  'a message to a conversation of two is that of its sender and the other': async (fetch) => {
    const [alice = '', bob = '', carol = ''] = users(3);
    const { conversation_id } = await send(fetch, alice, bob);
    const message = await said(fetch, conversation_id, bob, 'Right back');
    assert.equal(message['receiver_id'], alice);
    problemIn(await say(fetch, conversation_id, carol), 404, 'conversation-not-found');
    const headers = { 'Idempotency-Key': randomUUID() };
    const first = await say(fetch, conversation_id, bob, 'Once again', headers);
    const again = await say(fetch, conversation_id, bob, 'Once again', headers);
    assert.deepEqual(again.body, first.body);
    assert.equal(again.headers.get('Idempotency-Replayed'), 'true');
    problemIn(
      await say(fetch, conversation_id, bob, 'Something else', headers),
      422,
      'idempotency-key-reused',
    );
    for (const change of [
      await member(fetch, 'PUT', conversation_id, carol),
      await member(fetch, 'DELETE', conversation_id, bob),
      await rename(fetch, conversation_id, 'Only two'),
    ]) {
      problemIn(change, 409, 'not-a-group');
    }
  },

  'a participant sees the messages from joining to leaving': async (fetch) => {
    const participants = users(3);
    const [alice = '', bob = ''] = participants;
    const dave = freshUser();
    const id = await group(fetch, participants);
    await said(fetch, id, alice, 'What came before');
    const { next_cursor } = (await get(fetch, `/api/events/user/${dave}`)).body as { next_cursor: string };
    const joined = await member(fetch, 'PUT', id, dave);
    assert.equal(joined.status, 200);
    assert.deepEqual((joined.body as View)['participant_ids'], [...participants, dave].sort());
    assert.deepEqual((await member(fetch, 'PUT', id, dave)).body, joined.body);
    const during = await said(fetch, id, bob, 'What came during');
    assert.equal((await member(fetch, 'DELETE', id, dave)).status, 204);
    assert.equal((await member(fetch, 'DELETE', id, dave)).status, 204);
    await said(fetch, id, alice, 'What came after');
    const shown = await entry(fetch, dave, id);
    assert.equal(shown['last_message_id'], during['id']);
    assert.equal(shown['last_event_id'], during['id']);
    assert.equal(shown['unread_count'], 1);
    assert.ok(String(shown['left_at']) > String(during['created_at']));
    problemIn(await say(fetch, id, dave), 403, 'member-left');
    const { body } = await get(fetch, `/api/events/user/${dave}?cursor=${next_cursor}`);
    const { data } = body as { data: { type: string; data: View }[] };
    assert.deepEqual(
      data.map(({ type, data }) => [type, data['content'] ?? data['participant_ids']]),
      [
        ['conversation.created', participants.toSorted()],
        ['message.created', 'What came during'],
        ['conversation.updated', participants.toSorted()],
      ],
    );
    problemIn(await member(fetch, 'DELETE', id, freshUser()), 404, 'member-not-found');
  },

  'a group is named, and its name is in every inbox': async (fetch) => {
    const participants = users(3);
    const id = await group(fetch, participants);
    assert.equal((await entry(fetch, participants[1] ?? '', id))['name'], null);
    const renamed = await rename(fetch, id, 'Dinner 🍝');
    assert.equal(renamed.status, 200);
    assert.equal((renamed.body as View)['name'], 'Dinner 🍝');
    assert.equal((await entry(fetch, participants[1] ?? '', id))['name'], 'Dinner 🍝');
    assertFieldErrors(await rename(fetch, id, undefined), 'pointer #/name');
    assertFieldErrors(await rename(fetch, id, 7), 'pointer #/name');
    for (const [name, type] of [
      [' ', 'group-name-blank'],
      ['a'.repeat(101), 'group-name-too-long'],
      ['\0', 'group-name-not-text'],
    ] as const) {
      problemIn(await rename(fetch, id, name), 400, type);
    }
  },

  'a group that does not exist is a 404 on every route': async (fetch) => {
    const id = '019c1363-4a3b-71c8-b15c-0ffee0ddba11';
    for (const answer of [
      await get(fetch, `/api/conversations/${id}`),
      await get(fetch, historyOf(id)),
      await say(fetch, id, freshUser()),
      await member(fetch, 'PUT', id, freshUser()),
      await member(fetch, 'DELETE', id, freshUser()),
      await rename(fetch, id, 'No such group'),
    ]) {
      problemIn(answer, 404, 'conversation-not-found');
    }
    assertFieldErrors(await member(fetch, 'PUT', 'group', 'alice'), 'parameter conversation_id');
    assertFieldErrors(await member(fetch, 'DELETE', id, 'a b'.replace(' ', '%20')), 'parameter user_id');
    assertFieldErrors(await say(fetch, 'group', 'alice'), 'parameter conversation_id');
  },

  'an edit and a deletion reach every participant': async (fetch) => {
    const participants = users(3);
    const [alice = '', bob = ''] = participants;
    const id = await group(fetch, participants);
    const { id: messageId } = await said(fetch, id, alice, 'Typo');
    const path = `/api/conversations/${id}/messages/${String(messageId)}`;
    assert.equal((await sendRequest(fetch, 'PATCH', path, { body: { content: 'Right' } })).status, 200);
    assert.equal((await entry(fetch, bob, id))['last_message_content'], 'Right');
    assert.equal((await sendRequest(fetch, 'DELETE', path)).status, 204);
    assert.equal((await entry(fetch, bob, id))['last_message_content'], null);
    assert.equal((await entry(fetch, bob, id))['unread'], false);
  },
} satisfies Contract<Fetch>;
