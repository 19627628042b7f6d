import assert from 'node:assert/strict';
import { eventCursorFrom, eventCursorText } from '../../../src/adapters/http/event-cursors.ts';
import type { UserId } from '../../../src/domain/ids.ts';
import { positionAt } from '../../../src/domain/time.ts';
import type { Contract } from '../../contracts/contract.ts';
import {
  sendRequest,
  assertFieldErrors,
  eventsAt,
  eventsOf,
  freshUser,
  freshUsers,
  get,
  openStream,
  problemIn,
  send,
  sendMany,
  type Event,
  type EventList,
  type Fetch,
  type Message,
} from '../client.ts';

/** The cursor of a new client. */
async function beginningOf(fetch: Fetch, user: string): Promise<string> {
  return (await eventsAt(fetch, eventsOf(user))).next_cursor;
}

const after = (user: string, cursor: string, more = '') => `${eventsOf(user)}?cursor=${cursor}${more}`;

const messagesIn = (events: readonly Event[]) => events.map(({ data }) => data as unknown as Message);

/** All messages after `cursor`, over as many responses as needed. */
async function allAfter(fetch: Fetch, user: string, cursor: string, limit: number): Promise<Event[]> {
  const all: Event[] = [];
  for (let next = cursor; ;) {
    const { data, next_cursor }: EventList = await eventsAt(fetch, after(user, next, `&limit=${limit}`));
    assert.ok(data.length <= limit);
    if (data.length === 0) return all;
    all.push(...data);
    next = next_cursor;
  }
}

/** A cursor for `user` at `time`, with `hashes` made-up hashes. */
function cursorAt(user: string, time: number, hashes = 0): string {
  const delivered = Array.from({ length: hashes }, (_, n) => (n + 1).toString(16).padStart(16, '8'));
  return eventCursorText(user as UserId, { floor: positionAt(time * 1_000), delivered: new Set(delivered) });
}

export const eventsContract = {
  'a new client gets no events, and a cursor for all later events': async (fetch) => {
    const [anna, ben] = freshUsers();
    await send(fetch, anna, ben);
    const { data, next_cursor, ...rest } = await eventsAt(fetch, eventsOf(ben));
    assert.deepEqual([data, rest], [[], {}]);
    const sent = await send(fetch, anna, ben);
    const list = await eventsAt(fetch, after(ben, next_cursor));
    assert.deepEqual(list.data, [
      { id: sent.id, type: 'message.created', timestamp: sent.created_at, data: sent },
    ]);
  },

  'sender and receiver get the same event; it is delivered once': async (fetch) => {
    const [anna, ben] = freshUsers();
    const cursor = await Promise.all([anna, ben].map((user) => beginningOf(fetch, user)));
    const sent = await send(fetch, anna, ben);
    for (const [index, user] of [anna, ben].entries()) {
      const list = await eventsAt(fetch, after(user, cursor[index] ?? ''));
      assert.deepEqual(messagesIn(list.data), [sent]);
      assert.deepEqual((await eventsAt(fetch, after(user, list.next_cursor))).data, []);
    }
  },

  'events are listed oldest first, in parts of any size, without gap or repeat': async (fetch) => {
    const [anna, ben] = freshUsers();
    const cursor = await beginningOf(fetch, ben);
    const sent = (await sendMany(fetch, anna, ben, 7)).reverse();
    for (const limit of [1, 2, 3, 7, 8, 100]) {
      assert.deepEqual(messagesIn(await allAfter(fetch, ben, cursor, limit)), sent);
    }
  },

  'a started conversation is an event for both participants': async (fetch) => {
    const [anna, ben] = freshUsers();
    const cursor = await beginningOf(fetch, ben);
    const { body } = await sendRequest(fetch, 'POST', '/api/conversations', {
      body: { participant_ids: [anna, ben] },
    });
    const { data } = await eventsAt(fetch, after(ben, cursor));
    assert.deepEqual(
      data.map(({ type, data }) => [type, data]),
      [['conversation.created', body]],
    );
  },

  'a message between other users is no event': async (fetch) => {
    const [anna, ben] = freshUsers();
    const carl = freshUser();
    const cursor = await beginningOf(fetch, carl);
    await send(fetch, anna, ben);
    assert.deepEqual((await eventsAt(fetch, after(carl, cursor))).data, []);
  },

  'a long poll returns an event that happens while it waits': async (fetch) => {
    const [anna, ben] = freshUsers();
    const cursor = await beginningOf(fetch, ben);
    const poll = eventsAt(fetch, after(ben, cursor, '&wait=25'));
    const sent = await send(fetch, anna, ben);
    assert.deepEqual(messagesIn((await poll).data), [sent]);
  },

  'a long poll without events returns a cursor to continue': async (fetch) => {
    const [anna, ben] = freshUsers();
    const { data, next_cursor } = await eventsAt(fetch, after(ben, await beginningOf(fetch, ben), '&wait=1'));
    assert.deepEqual(data, []);
    const sent = await send(fetch, anna, ben);
    assert.deepEqual(messagesIn((await eventsAt(fetch, after(ben, next_cursor))).data), [sent]);
  },

  'a stream sends its cursor at once, then each event as it happens, as server-sent events': async (
    fetch,
  ) => {
    const [anna, ben] = freshUsers();
    const stream = await openStream(fetch, eventsOf(ben));
    assert.equal(stream.response.headers.get('Content-Type'), 'text/event-stream');
    const { id = '', ...first } = (await stream.next()) ?? {};
    assert.deepEqual(first, { comment: false, retry: '1000' });
    assert.deepEqual((await eventsAt(fetch, after(ben, id))).data, []);
    for (let n = 0; n < 3; n += 1) {
      const sent = await send(fetch, anna, ben);
      const block = await stream.nextEvent();
      assert.equal(block.event, 'message.created');
      assert.deepEqual(block.data, {
        id: sent.id,
        type: 'message.created',
        timestamp: sent.created_at,
        data: sent,
      });
    }
    await stream.close();
  },

  'a stream is sent to a client that prefers streams to JSON, and JSON to any other': async (fetch) => {
    const ben = freshUser();
    const id = await beginningOf(fetch, ben);
    const streams = [
      'Text/Event-Stream',
      'text/event-stream; charset=utf-8',
      'application/json;q=0.5, text/event-stream',
      'text/event-stream;q=0.9, */*;q=0.1',
      'text/event-stream;q=0.1, application/json;q=0, */*',
    ];
    for (const Accept of streams) {
      const stream = await openStream(fetch, eventsOf(ben), { Accept });
      assert.equal(stream.response.headers.get('Content-Type'), 'text/event-stream', Accept);
      await stream.close();
    }
    const others = [
      '*/*',
      'text/*',
      'text/event-stream;q=0',
      'text/event-stream;q=0.1, application/json',
      'text/event-stream;q=0.1, */*',
      'text/event-stream;q=0.1, */*;q=0, application/*;q=0.2',
    ];
    for (const Accept of others) {
      const { headers } = await sendRequest(fetch, 'GET', after(ben, id), { headers: { Accept } });
      assert.equal(headers.get('Content-Type'), 'application/json', Accept);
    }
  },

  'a stream that is resumed from the future begins with a cursor of now': async (fetch) => {
    const ben = freshUser();
    const stream = await openStream(fetch, after(ben, cursorAt(ben, Date.now() + 3_600_000)));
    const { id = '' } = (await stream.next()) ?? {};
    const floor = eventCursorFrom(ben as UserId, id)?.floor ?? assert.fail('it is a cursor');
    assert.ok(floor <= positionAt(Date.now() * 1_000));
    await stream.close();
  },

  'a stream resumes from the last received id and misses nothing': async (fetch) => {
    const [anna, ben] = freshUsers();
    let stream = await openStream(fetch, eventsOf(ben));
    await stream.next();
    const sent: Message[] = [];
    const received: Message[] = [];
    for (let n = 0; n < 4; n += 1) {
      const lastId = stream.lastId();
      await stream.close();
      sent.push(await send(fetch, anna, ben), await send(fetch, ben, anna));
      stream = await openStream(fetch, eventsOf(ben), { 'Last-Event-ID': lastId });
      assert.equal((await stream.next())?.id, lastId, 'its cursor comes at once');
      for (let m = 0; m < 2; m += 1) {
        received.push((await stream.nextEvent()).data.data as unknown as Message);
      }
    }
    await stream.close();
    assert.deepEqual(received, sent);
  },

  'a stream also resumes from a cursor parameter; Last-Event-ID has priority': async (fetch) => {
    const [anna, ben] = freshUsers();
    const cursor = await beginningOf(fetch, ben);
    const first = await send(fetch, anna, ben, 'First');
    const { next_cursor } = await eventsAt(fetch, after(ben, cursor));
    const second = await send(fetch, anna, ben, 'Second');
    for (const [path, headers, expected] of [
      [after(ben, cursor), {}, first],
      [after(ben, next_cursor), {}, second],
      [after(ben, next_cursor), { 'Last-Event-ID': cursor }, first],
      [after(ben, cursor), { 'Last-Event-ID': next_cursor }, second],
      [after(ben, next_cursor), { 'Last-Event-ID': '' }, second],
    ] as const) {
      const stream = await openStream(fetch, path, headers);
      assert.deepEqual((await stream.nextEvent()).data.data, expected);
      await stream.close();
    }
  },

  'a cursor that is older than the log is a 410, for JSON and streams': async (fetch) => {
    const ben = freshUser();
    const path = after(ben, cursorAt(ben, Date.UTC(2001, 0)));
    problemIn(await get(fetch, path), 410, 'cursor-expired');
    const headers = { Accept: 'text/event-stream' };
    problemIn(await sendRequest(fetch, 'GET', path, { headers }), 410, 'cursor-expired');
  },

  'a cursor in the future counts as a cursor of now': async (fetch) => {
    const [anna, ben] = freshUsers();
    const sent = await send(fetch, anna, ben);
    const { data, next_cursor } = await eventsAt(fetch, after(ben, cursorAt(ben, Date.UTC(2200, 0))));
    assert.deepEqual(messagesIn(data), [sent]);
    const [floor] = [eventCursorFrom(ben as UserId, next_cursor)?.floor ?? ''];
    assert.ok(floor < sent.id);
  },

  'a cursor of the largest size is accepted, for JSON and streams': async (fetch) => {
    const [anna, ben] = freshUsers();
    const sent = await send(fetch, anna, ben);
    const cursor = cursorAt(ben, Date.now() - 60_000, 500);
    assert.deepEqual(messagesIn((await eventsAt(fetch, after(ben, cursor))).data), [sent]);
    const stream = await openStream(fetch, eventsOf(ben), { 'Last-Event-ID': cursor });
    assert.deepEqual((await stream.nextEvent()).data.data, sent);
    await stream.close();
  },

  'an invalid cursor, or one of another user or list, is a 400': async (fetch) => {
    const [anna, ben] = freshUsers();
    const own = await beginningOf(fetch, ben);
    await sendMany(fetch, anna, ben, 2);
    const inbox = (
      await get(fetch, `/api/messages/conversation/${(await send(fetch, anna, ben)).conversation_id}?limit=1`)
    ).body as { next_cursor: string };
    for (const cursor of [
      '',
      'x',
      `${own}A`,
      own.slice(1),
      await beginningOf(fetch, anna),
      inbox.next_cursor,
    ]) {
      problemIn(await get(fetch, after(ben, cursor)), 400, 'invalid-cursor');
      if (cursor === '') continue;
      for (const Accept of ['text/event-stream', 'application/json']) {
        const headers = { Accept, 'Last-Event-ID': cursor };
        const { errors } = problemIn(
          await sendRequest(fetch, 'GET', eventsOf(ben), { headers }),
          400,
          'invalid-cursor',
        );
        assert.equal(errors?.[0]?.header, 'Last-Event-ID');
      }
    }
  },

  'limit and wait are validated': async (fetch) => {
    const ben = freshUser();
    for (const text of ['0', '101', '-1', '1.5', 'x', '']) {
      assertFieldErrors(await get(fetch, `${eventsOf(ben)}?limit=${text}`), 'parameter limit');
    }
    for (const text of ['26', '-1', '1.5', 'x', '']) {
      assertFieldErrors(await get(fetch, `${eventsOf(ben)}?wait=${text}`), 'parameter wait');
    }
  },

  'a HEAD is answered at once, for any Accept': async (fetch) => {
    const ben = freshUser();
    const path = after(ben, await beginningOf(fetch, ben), '&wait=25');
    const { status, text } = await sendRequest(fetch, 'HEAD', path, {
      headers: { Accept: 'text/event-stream' },
    });
    assert.deepEqual([status, text], [200, '']);
  },
} satisfies Contract<Fetch>;
