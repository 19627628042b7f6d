import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Contract } from '../../contracts/contract.ts';
import {
  sendRequest,
  assertFieldErrors,
  conversationAt,
  edit,
  eventsAt,
  eventsOf,
  freshUser,
  freshUsers,
  get,
  historyOf,
  inboxOf,
  messagePathOf,
  messagesAt,
  openStream,
  problemIn,
  remove,
  rowsAt,
  send,
  sendMany,
  type Fetch,
  type Message,
} from '../client.ts';

/** Asserts that every read shows `message`, and `last` in inboxes. */
async function assertShown(fetch: Fetch, message: Message, last = message): Promise<void> {
  assert.deepEqual((await get(fetch, messagePathOf(message))).body, message);
  const { data } = await messagesAt(fetch, `${historyOf(message.conversation_id)}?limit=100`);
  assert.deepEqual(
    data.find(({ id }) => id === message.id),
    message,
  );
  const conversation = await conversationAt(fetch, message.conversation_id);
  for (const user of conversation.participant_ids) {
    const rows = await rowsAt(fetch, inboxOf(user));
    const row = rows.data.find(({ id }) => id === message.conversation_id);
    for (const shown of [conversation, row]) {
      assert.equal(shown?.last_message_id, last.id);
      assert.equal(shown.last_message_content, last.content);
      assert.equal(shown.last_message_at, last.created_at);
      assert.equal(shown.last_message_sender_id, last.sender_id);
    }
  }
}

async function edited(fetch: Fetch, message: Message, content: string): Promise<Message> {
  const { status, body, text } = await edit(fetch, message, content);
  assert.equal(status, 200, text);
  return body as Message;
}

async function removed(fetch: Fetch, message: Message): Promise<Message> {
  const { status, text, headers } = await remove(fetch, message);
  assert.deepEqual([status, text, headers.get('Content-Type')], [204, '', null]);
  return (await get(fetch, messagePathOf(message))).body as Message;
}

/** Bodies that are not an edit. */
const NOT_TEXT: readonly unknown[] = [null, 1, true, ['Hello'], { text: 'Hello' }];

export const messageChangesContract = {
  'a message is found by its id, with its URL in capitals, too': async (fetch) => {
    const sent = await send(fetch, ...freshUsers(), 'Hello');
    await assertShown(fetch, sent);
    const { conversation_id, id } = sent;
    const path = messagePathOf({ conversation_id: conversation_id.toUpperCase(), id: id.toUpperCase() });
    assert.deepEqual((await get(fetch, path)).body, sent);
  },

  'an edit is a 200 with the message; all reads show the new content, and the message keeps its place':
    async (fetch) => {
      const [alice, bob] = freshUsers();
      const [last, first] = await sendMany(fetch, alice, bob, 2);
      assert.ok(last && first);
      const before = (await rowsAt(fetch, inboxOf(bob))).data;
      let time = '';
      for (const content of ['After', ' é👩‍👩‍👧‍👦\t', 'x'.repeat(140), 'After']) {
        const now = await edited(fetch, last, content);
        assert.match(now.edited_at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
        assert.ok((now.edited_at ?? '') > time && (now.edited_at ?? '') > now.created_at);
        time = now.edited_at ?? '';
        assert.deepEqual(now, { ...last, content, edited_at: time });
        await assertShown(fetch, now);
      }
      const now = await edited(fetch, first, 'First');
      await assertShown(fetch, now, (await get(fetch, messagePathOf(last))).body as Message);
      const { data } = await messagesAt(fetch, historyOf(last.conversation_id));
      assert.deepEqual(
        data.map(({ id }) => id),
        [last.id, first.id],
      );
      const [row] = (await rowsAt(fetch, inboxOf(bob))).data;
      assert.deepEqual({ ...row, last_message_content: 'No. 2' }, before[0], 'nothing else changes');
    },

  'a preview of an edited message is cut': async (fetch) => {
    const sent = await send(fetch, ...freshUsers());
    await edited(fetch, sent, 'x'.repeat(20_000));
    const { last_message_content } = await conversationAt(fetch, sent.conversation_id);
    assert.equal(last_message_content, 'x'.repeat(140));
  },

  'a deletion is a 204, however often; the message stays without content': async (fetch) => {
    const [alice, bob] = freshUsers();
    const [last, first] = await sendMany(fetch, alice, bob, 2);
    assert.ok(last && first);
    await edited(fetch, last, 'Edited');
    const now = await removed(fetch, last);
    assert.match(now.deleted_at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.deepEqual(now, { ...last, content: null, deleted_at: now.deleted_at });
    await assertShown(fetch, now);
    for (let n = 0; n < 3; n += 1) assert.deepEqual(await removed(fetch, last), now);
    await assertShown(fetch, await removed(fetch, first), now);
  },

  'a deleted message cannot be edited: a 409': async (fetch) => {
    const sent = await send(fetch, ...freshUsers());
    const now = await removed(fetch, sent);
    problemIn(await edit(fetch, sent, 'Again'), 409, 'message-deleted');
    await assertShown(fetch, now);
  },

  'a repeat of a send shows the message as it is now': async (fetch) => {
    const [alice, bob] = freshUsers();
    const body = { sender_id: alice, receiver_id: bob, content: 'Once' };
    const headers = { 'Idempotency-Key': randomUUID() };
    const repeat = () => sendRequest(fetch, 'POST', '/api/messages', { body, headers });
    const sent = (await repeat()).body as Message;
    const now = await edited(fetch, sent, 'Edited');
    assert.deepEqual((await repeat()).body, now);
    const gone = await removed(fetch, sent);
    const again = await repeat();
    assert.deepEqual([again.status, again.body], [201, gone]);
    await assertShown(fetch, gone);
  },

  'deleted messages are not unread': async (fetch) => {
    const [alice, bob] = freshUsers();
    const sent = await sendMany(fetch, alice, bob, 3);
    for (const [n, message] of sent.entries()) {
      const [row] = (await rowsAt(fetch, `${inboxOf(bob)}?unread_counts=true`)).data;
      assert.deepEqual([row?.unread, row?.unread_count], [true, 3 - n]);
      await removed(fetch, message);
    }
    const [row] = (await rowsAt(fetch, `${inboxOf(bob)}?unread_counts=true`)).data;
    assert.deepEqual([row?.unread, row?.unread_count], [false, 0]);
    assert.equal((await rowsAt(fetch, inboxOf(bob))).data[0]?.unread, false);
  },

  'an edit and a deletion are events for both participants; events of a deleted message have no content':
    async (fetch) => {
      const [alice, bob] = freshUsers();
      const start = await Promise.all(
        [alice, bob].map(async (user) => (await eventsAt(fetch, eventsOf(user))).next_cursor),
      );
      const after = (index: number, cursor = start[index] ?? '') =>
        eventsAt(fetch, `${eventsOf(index === 0 ? alice : bob)}?cursor=${cursor}`);
      const sent = await send(fetch, alice, bob, 'Between us');
      const other = await send(fetch, alice, bob, 'Other');
      const now = await edited(fetch, sent, 'Edited');
      const seen = await after(1);
      assert.deepEqual(
        seen.data.map(({ type, data }) => [type, data]),
        [
          ['message.created', now],
          ['message.created', other],
          ['message.edited', now],
        ],
      );
      assert.equal(seen.data[2]?.timestamp, now.edited_at);
      const gone = await removed(fetch, sent);
      for (let n = 0; n < 2; n += 1) await removed(fetch, sent);
      const deletion = { conversation_id: sent.conversation_id, message_id: sent.id };
      const rest = (await after(1, seen.next_cursor)).data;
      assert.deepEqual(
        rest.map(({ type, timestamp, data }) => [type, timestamp, data]),
        [['message.deleted', gone.deleted_at, deletion]],
      );
      // A client that follows from the beginning never sees the content.
      for (const index of [0, 1]) {
        assert.deepEqual(
          (await after(index)).data.map(({ type, data }) => [type, data]),
          [
            ['message.created', gone],
            ['message.created', other],
            ['message.edited', gone],
            ['message.deleted', deletion],
          ],
        );
      }
    },

  'a stream and a long poll report an edit and a deletion as they happen': async (fetch) => {
    const [alice, bob] = freshUsers();
    const sent = await send(fetch, alice, bob);
    const stream = await openStream(fetch, eventsOf(bob));
    const { next_cursor } = await eventsAt(fetch, eventsOf(alice));
    const poll = eventsAt(fetch, `${eventsOf(alice)}?cursor=${next_cursor}&wait=25`);
    const now = await edited(fetch, sent, 'Edited');
    const block = await stream.nextEvent();
    assert.deepEqual([block.event, block.data.data], ['message.edited', now]);
    assert.deepEqual((await poll).data, [block.data]);
    await removed(fetch, sent);
    const { event, data } = await stream.nextEvent();
    const deletion = { conversation_id: sent.conversation_id, message_id: sent.id };
    assert.deepEqual([event, data.data], ['message.deleted', deletion]);
    await stream.close();
  },

  'the content of an edit follows the rules of a send': async (fetch) => {
    const sent = await send(fetch, ...freshUsers());
    const path = messagePathOf(sent);
    for (const content of NOT_TEXT) assertFieldErrors(await edit(fetch, sent, content), 'pointer #/content');
    assertFieldErrors(await sendRequest(fetch, 'PATCH', path, { body: {} }), 'pointer #/content');
    const body = { content: 'Hello', sender_id: 'x', deleted_at: null };
    assertFieldErrors(
      await sendRequest(fetch, 'PATCH', path, { body }),
      'pointer #/sender_id',
      'pointer #/deleted_at',
    );
    for (const [content, type] of [
      ['', 'content-blank'],
      [' \n\u00a0', 'content-blank'],
      ['x'.repeat(20_001), 'content-too-long'],
      ['a\0b', 'content-not-text'],
      ['\ud800', 'content-not-text'],
    ] as const) {
      problemIn(await edit(fetch, sent, content), 400, type);
    }
    assert.deepEqual((await get(fetch, path)).body, sent);
  },

  'an unknown message or conversation is a 404, and an invalid id a 400': async (fetch) => {
    const sent = await send(fetch, ...freshUsers());
    const other = await send(fetch, ...freshUsers());
    const asks = (message: Pick<Message, 'conversation_id' | 'id'>) => [
      get(fetch, messagePathOf(message)),
      edit(fetch, message, 'Hello'),
      remove(fetch, message),
    ];
    const unknown = sent.id.replace(/.{12}$/, '0123456789ab');
    for (const id of [unknown, other.id, '00000000-0000-7000-8000-000000000000']) {
      for (const answer of asks({ ...sent, id })) problemIn(await answer, 404, 'message-not-found');
    }
    for (const answer of asks({ ...sent, conversation_id: randomUUID() })) {
      problemIn(await answer, 404, 'conversation-not-found');
    }
    for (const id of ['x', '1', randomUUID(), sent.conversation_id, `${sent.id}0`, 'null', freshUser()]) {
      for (const answer of asks({ ...sent, id })) assertFieldErrors(await answer, 'parameter message_id');
    }
    for (const answer of asks({ ...sent, conversation_id: 'none' })) {
      assertFieldErrors(await answer, 'parameter conversation_id');
    }
    for (const one of [sent, other]) assert.deepEqual((await get(fetch, messagePathOf(one))).body, one);
  },
} satisfies Contract<Fetch>;
