import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Contract } from '../../contracts/contract.ts';
import {
  sendRequest,
  assertFieldErrors,
  assertMembers,
  conversationAt,
  freshUser,
  freshUsers,
  get,
  inboxOf,
  problemIn,
  rowsAt,
  send,
  type Conversation,
  type Fetch,
  type InboxRow,
} from '../client.ts';

const start = (fetch: Fetch, ...participants: unknown[]) =>
  sendRequest(fetch, 'POST', '/api/conversations', { body: { participant_ids: participants } });

const EMPTY = {
  last_message_id: null,
  last_message_sender_id: null,
  last_message_content: null,
  last_message_at: null,
};

export const conversationsContract = {
  'a new conversation is a 201 with Location': async (fetch) => {
    const [alice, bob] = freshUsers();
    const { status, headers, body } = await start(fetch, bob, alice);
    assert.equal(status, 201);
    const { id, created_at, ...rest } = body as Conversation;
    const participant_ids = [alice, bob].sort();
    const read_positions = participant_ids.map((user_id) => ({ user_id, read_up_to: null }));
    assert.deepEqual(rest, { participant_ids, name: null, creator_id: null, ...EMPTY, read_positions });
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.equal(headers.get('Location'), `/api/conversations/${id}`);
    assert.deepEqual((await get(fetch, headers.get('Location')!)).body, body);
  },

  'an existing conversation is a 200, even if it is empty': async (fetch) => {
    const [alice, bob] = freshUsers();
    const first = await start(fetch, alice, bob);
    const again = await start(fetch, bob, alice);
    assert.equal(again.status, 200);
    assert.equal(again.headers.get('Location'), null);
    assert.deepEqual(again.body, first.body);
    const message = await send(fetch, alice, bob);
    const third = await start(fetch, alice, bob);
    assert.equal(third.status, 200);
    assert.equal((third.body as Conversation).last_message_id, message.id);
  },

  'a first message creates its conversation': async (fetch) => {
    const [alice, bob] = freshUsers();
    const { conversation_id, id, created_at } = await send(fetch, alice, bob, 'Hello, Bob');
    assert.deepEqual(await conversationAt(fetch, conversation_id), {
      id: conversation_id,
      participant_ids: [alice, bob].sort(),
      name: null,
      creator_id: null,
      created_at,
      last_message_id: id,
      last_message_sender_id: alice,
      last_message_content: 'Hello, Bob',
      last_message_at: created_at,
      read_positions: [alice, bob]
        .sort()
        .map((user_id) => ({ user_id, read_up_to: user_id === alice ? id : null })),
    });
    assert.equal((await start(fetch, alice, bob)).status, 200);
  },

  'numbers count as the user ids of their decimal digits': async (fetch) => {
    const bob = freshUser();
    const { body } = await start(fetch, 1, bob);
    assert.deepEqual((body as Conversation).participant_ids, ['1', bob].sort());
    assert.equal((await start(fetch, bob, '1')).status, 200);
  },

  'a conversation requires two user ids or more': async (fetch) => {
    for (const participants of [[], ['alice']]) {
      assertFieldErrors(await start(fetch, ...participants), 'pointer #/participant_ids');
    }
    assertFieldErrors(await start(fetch, 'alice', ''), 'pointer #/participant_ids/1');
    assertFieldErrors(
      await start(fetch, null, { id: 'bob' }),
      'pointer #/participant_ids/0',
      'pointer #/participant_ids/1',
    );
    const notAList = await sendRequest(fetch, 'POST', '/api/conversations', {
      body: { participant_ids: 'alice,bob' },
    });
    assertFieldErrors(notAList, 'pointer #/participant_ids');
  },

  'a reply does not change the order of the participants': async (fetch) => {
    const [alice, bob] = freshUsers();
    const { conversation_id } = await send(fetch, alice, bob);
    const { participant_ids } = await conversationAt(fetch, conversation_id);
    await send(fetch, bob, alice);
    assert.deepEqual((await conversationAt(fetch, conversation_id)).participant_ids, participant_ids);
    assert.deepEqual((await rowsAt(fetch, inboxOf(bob))).data[0]?.participant_ids, participant_ids);
  },

  'a conversation with oneself has one participant': async (fetch) => {
    const alice = freshUser();
    const { conversation_id, id } = await send(fetch, alice, alice, 'Milk');
    const { data } = await rowsAt(fetch, inboxOf(alice));
    assert.deepEqual(
      data.map((row) => [row.id, row.participant_ids, row.other_user_id, row.last_message_id]),
      [[conversation_id, [alice], alice, id]],
    );
    const started = await start(fetch, alice, alice);
    assert.equal(started.status, 200);
    assert.equal((started.body as Conversation).id, conversation_id);
  },

  'a conversation that does not exist is a 404': async (fetch) => {
    problemIn(await get(fetch, `/api/conversations/${randomUUID()}`), 404, 'conversation-not-found');
  },

  'a conversation id is a UUID in upper or lower case': async (fetch) => {
    const { conversation_id } = await send(fetch, ...freshUsers());
    assert.equal((await conversationAt(fetch, conversation_id.toUpperCase())).id, conversation_id);
    for (const id of ['1', 'user', `${conversation_id}0`, '%E2%98%83']) {
      assertFieldErrors(await get(fetch, `/api/conversations/${id}`), 'parameter conversation_id');
    }
  },

  'an inbox shows each conversation once, newest activity first, for each participant': async (fetch) => {
    const [alice, bob] = freshUsers();
    const [carol, dave] = freshUsers();
    const first = await send(fetch, alice, bob, 'to Bob');
    await send(fetch, carol, alice, 'from Carol');
    await start(fetch, alice, dave);
    const last = await send(fetch, bob, alice, 'from Bob');
    const { data, ...rest } = await rowsAt(fetch, inboxOf(alice));
    assert.deepEqual(rest, { limit: 20, next_cursor: null });
    assert.deepEqual(
      data.map(({ other_user_id, last_message_content }) => [other_user_id, last_message_content]),
      [
        [bob, 'from Bob'],
        [dave, null],
        [carol, 'from Carol'],
      ],
    );
    assertMembers(data[0], {
      id: first.conversation_id,
      participant_ids: [alice, bob].sort(),
      other_user_id: bob,
      name: null,
      left_at: null,
      last_message_id: last.id,
      last_message_sender_id: bob,
      last_message_content: 'from Bob',
      last_message_at: last.created_at,
      last_event_id: last.id,
      read_up_to: first.id,
      unread: true,
    } satisfies Partial<InboxRow>);
    const [bobs] = (await rowsAt(fetch, inboxOf(bob))).data;
    assert.deepEqual(bobs, { ...data[0], other_user_id: alice, read_up_to: last.id, unread: false });
  },

  'an empty conversation is in both inboxes, with null for the last message': async (fetch) => {
    const [alice, bob] = freshUsers();
    const { id, participant_ids } = (await start(fetch, alice, bob)).body as Conversation;
    for (const [owner, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const { data } = await rowsAt(fetch, inboxOf(owner));
      const { last_event_id = '' } = data[0] ?? {};
      assert.equal(data.length, 1);
      assertMembers(data[0], {
        id,
        participant_ids,
        other_user_id: other,
        name: null,
        left_at: null,
        ...EMPTY,
        last_event_id,
        read_up_to: null,
        unread: false,
      });
    }
  },

  'the inbox of an unknown user is empty': async (fetch) => {
    assert.deepEqual(await rowsAt(fetch, inboxOf(freshUser())), { data: [], limit: 20, next_cursor: null });
  },

  'a preview has at most 140 characters, and is cut between graphemes': async (fetch) => {
    const [alice, bob] = freshUsers();
    const family = '👩‍👩‍👧‍👦'; // Seven characters, one grapheme: twenty of them fill the preview.
    const { conversation_id } = await send(fetch, alice, bob, `${'a'.repeat(139)}${family}`);
    const shown = async () => [
      (await conversationAt(fetch, conversation_id)).last_message_content,
      (await rowsAt(fetch, inboxOf(bob))).data[0]?.last_message_content,
    ];
    assert.deepEqual(await shown(), ['a'.repeat(139), 'a'.repeat(139)]);
    await send(fetch, alice, bob, family.repeat(21));
    assert.deepEqual(await shown(), [family.repeat(20), family.repeat(20)]);
  },

  'a user id in a path is text, percent-encoded or not': async (fetch) => {
    const alice = `a.b:c@d_e-${randomUUID().slice(0, 8)}`;
    await send(fetch, alice, freshUser());
    for (const id of [alice, encodeURIComponent(alice), alice.replace('a', '%61')]) {
      assert.equal((await rowsAt(fetch, inboxOf(id))).data.length, 1);
    }
    for (const id of ['x'.repeat(65), 'a%20b', 'a%2Fb', '%C3%A4', 'a%00', '%2561', 'a%0A']) {
      assertFieldErrors(await get(fetch, inboxOf(id)), 'parameter user_id');
    }
  },
} satisfies Contract<Fetch>;
