import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Contract } from '../../contracts/contract.ts';
import {
  sendRequest,
  assertFieldErrors,
  conversationAt,
  freshUser,
  freshUsers,
  get,
  inboxOf,
  markRead,
  problemIn,
  rowsAt,
  send,
  sendMany,
  type Fetch,
  type InboxRow,
} from '../client.ts';

/** A valid id above every id that is made. */
const ABOVE_ALL = 'ffffffff-ffff-73e7-be7f-ffffffffffff';

/** The row of an inbox with one conversation. */
async function rowOf(fetch: Fetch, user: string, query = ''): Promise<InboxRow> {
  const { data } = await rowsAt(fetch, inboxOf(user) + query);
  const [row] = data;
  assert.ok(row !== undefined && data.length === 1);
  return row;
}

export const readPositionsContract = {
  'marking the last event of an inbox entry makes all its messages read': async (fetch) => {
    const [alice, bob] = freshUsers();
    const [last, first] = await sendMany(fetch, bob, alice, 2);
    assert.ok(first && last);
    const before = await rowOf(fetch, alice);
    assert.deepEqual([before.last_event_id, before.read_up_to, before.unread], [last.id, null, true]);
    const { status, body } = await markRead(fetch, last.conversation_id, alice, before.last_event_id);
    assert.equal(status, 200);
    assert.deepEqual(body, { conversation_id: last.conversation_id, user_id: alice, read_up_to: last.id });
    assert.deepEqual(await rowOf(fetch, alice), { ...before, read_up_to: last.id, unread: false });
    // A later message is unread again.
    const next = await send(fetch, bob, alice);
    const { read_up_to, unread, last_event_id } = await rowOf(fetch, alice);
    assert.deepEqual([read_up_to, unread, last_event_id], [last.id, true, next.id]);
  },

  'a mark that is repeated, earlier or beyond the last event returns the current position': async (fetch) => {
    const [alice, bob] = freshUsers();
    const sent = await sendMany(fetch, bob, alice, 3);
    const [third, second, first] = sent.map(({ id }) => id);
    assert.ok(first && second && third);
    const id = sent[0]?.conversation_id ?? assert.fail();
    const marks = [
      [second, second],
      [second.toUpperCase(), second],
      [first, second],
      [ABOVE_ALL, third],
      [second, third],
    ] as const;
    for (const [upTo, held] of marks) {
      const { status, body } = await markRead(fetch, id, alice, upTo);
      assert.equal(status, 200);
      assert.deepEqual(body, { conversation_id: id, user_id: alice, read_up_to: held });
    }
  },

  'a message is read for its sender and unread for the other participant': async (fetch) => {
    const [alice, bob] = freshUsers();
    const { id } = await send(fetch, alice, bob);
    const mine = await rowOf(fetch, alice, '?unread_counts=true');
    assert.deepEqual([mine.read_up_to, mine.unread, mine.unread_count], [id, false, 0]);
    const theirs = await rowOf(fetch, bob, '?unread_counts=true');
    assert.deepEqual([theirs.read_up_to, theirs.unread, theirs.unread_count], [null, true, 1]);
    const note = await send(fetch, alice, alice);
    const [row] = (await rowsAt(fetch, inboxOf(alice))).data;
    assert.deepEqual([row?.id, row?.unread], [note.conversation_id, false]);
  },

  'unread messages are counted on request, exactly up to 99': async (fetch) => {
    const [alice, bob] = freshUsers();
    const sent = await sendMany(fetch, bob, alice, 101);
    const id = sent[0]?.conversation_id ?? assert.fail();
    for (const query of ['', '?unread_counts=false']) {
      assert.equal('unread_count' in (await rowOf(fetch, alice, query)), false);
    }
    const counted = async () => (await rowOf(fetch, alice, '?unread_counts=true')).unread_count;
    assert.equal(await counted(), 100);
    for (const unread of [100, 99, 1, 0]) {
      await markRead(fetch, id, alice, sent[unread]?.id ?? assert.fail());
      assert.equal(await counted(), unread);
    }
    for (const value of ['1', 'yes', '', 'true&unread_counts=true']) {
      assertFieldErrors(
        await get(fetch, `${inboxOf(alice)}?unread_counts=${value}`),
        'parameter unread_counts',
      );
    }
  },

  'a conversation shows how far each participant has read': async (fetch) => {
    const [alice, bob] = freshUsers();
    const started = await sendRequest(fetch, 'POST', '/api/conversations', {
      body: { participant_ids: [bob, alice] },
    });
    const { id, participant_ids } = started.body as { id: string; participant_ids: string[] };
    const positions = async () => {
      const { read_positions } = await conversationAt(fetch, id);
      assert.deepEqual(
        read_positions!.map(({ user_id }) => user_id),
        participant_ids,
      );
      return Object.fromEntries(read_positions!.map(({ user_id, read_up_to }) => [user_id, read_up_to]));
    };
    assert.deepEqual(await positions(), { [alice]: null, [bob]: null });
    const sent = await send(fetch, alice, bob);
    assert.deepEqual(await positions(), { [alice]: sent.id, [bob]: null });
    await markRead(fetch, id, bob, sent.id);
    assert.deepEqual(await positions(), { [alice]: sent.id, [bob]: sent.id });
  },

  'an empty conversation can be marked and has no unread messages': async (fetch) => {
    const [alice, bob] = freshUsers();
    await sendRequest(fetch, 'POST', '/api/conversations', { body: { participant_ids: [bob, alice] } });
    const { id, last_event_id, unread, read_up_to } = await rowOf(fetch, alice);
    assert.deepEqual([unread, read_up_to], [false, null]);
    const { body } = await markRead(fetch, id, alice, ABOVE_ALL);
    assert.deepEqual(body, { conversation_id: id, user_id: alice, read_up_to: last_event_id });
    await send(fetch, bob, alice);
    assert.equal((await rowOf(fetch, alice)).unread, true);
  },

  'a mark requires the id of an event or a message, and a user': async (fetch) => {
    const [alice, bob] = freshUsers();
    const { id, conversation_id } = await send(fetch, bob, alice);
    for (const upTo of [1, null, '', 'x', randomUUID(), conversation_id, `${id}0`, '2026-01-31T09:30:00Z']) {
      assertFieldErrors(await markRead(fetch, conversation_id, alice, upTo), 'pointer #/up_to');
    }
    assertFieldErrors(await markRead(fetch, conversation_id, 'a b', id), 'pointer #/user_id');
    assertFieldErrors(await markRead(fetch, conversation_id, undefined, id), 'pointer #/user_id');
    assertFieldErrors(
      await markRead(fetch, conversation_id, undefined, undefined),
      'pointer #/up_to',
      'pointer #/user_id',
    );
    assertFieldErrors(await markRead(fetch, 'user', alice, id), 'parameter conversation_id');
    assert.equal((await markRead(fetch, conversation_id.toUpperCase(), alice, id)).status, 200);
  },

  'a conversation of others is a 404': async (fetch) => {
    const [alice, bob] = freshUsers();
    const { id, conversation_id } = await send(fetch, bob, alice);
    problemIn(await markRead(fetch, conversation_id, freshUser(), id), 404, 'conversation-not-found');
    problemIn(await markRead(fetch, randomUUID(), alice, id), 404, 'conversation-not-found');
  },
} satisfies Contract<Fetch>;
