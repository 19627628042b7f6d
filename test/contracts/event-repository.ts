import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { Event } from '../../src/domain/event.ts';
import type { EventId, Position, UserId } from '../../src/domain/ids.ts';
import {
  appendAll,
  conversationOf,
  DAY,
  emptyRowOf,
  freshKey,
  freshUser,
  freshUsers,
  HOUR,
  idAt,
  inboxSlice,
  idsOf,
  MINUTE,
  NOON,
  now,
  appendRequest,
  SECOND,
  shuffled,
  conversationIdFor,
  top,
} from './fixtures.ts';
import type { Contract, StorageSubject } from './contract.ts';

/** Below every id. */
const BOTTOM = '00000000-0000-7000-8000-000000000000' as Position;

/** The complete log of a user within the retention. */
export async function logOf({ events }: Storage, userId: UserId): Promise<readonly Event[]> {
  return events.listAfter(userId, BOTTOM, 1_000);
}

/** The events for the message of `appended` in the log of `userId`. */
async function newsOf(storage: Storage, userId: UserId, messageId: EventId): Promise<EventId[]> {
  const log = await logOf(storage, userId);
  return log
    .filter((event) => event.type === 'message.created' && event.messageId === messageId)
    .map(({ id }) => id);
}

export const eventRepositoryContract = {
  'an appended message is an event in the log of each participant, and in no other log': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const [carl, dora] = freshUsers();
    const sent = appendRequest([anna, ben], idAt(NOON));
    const note = appendRequest([carl, carl], idAt(NOON));
    await here.messages.append(sent);
    await there.messages.append(note);
    const event = ({ message: { id, conversationId } }: typeof sent): Event => ({
      id,
      type: 'message.created',
      conversationId,
      messageId: id,
    });
    for (const storage of [here, there]) {
      for (const user of [anna, ben]) assert.deepEqual(await logOf(storage, user), [event(sent)]);
      assert.deepEqual(await logOf(storage, carl), [event(note)]);
      assert.deepEqual(await logOf(storage, dora), []);
    }
  },

  'a started conversation is an event in the log of each participant': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const { id: conversationId, created, ...begun } = conversationOf([anna, ben], idAt(NOON));
    await here.conversations.start({ id: conversationId, created, ...begun });
    for (const user of [anna, ben]) {
      const event = { id: created, type: 'conversation.created', conversationId };
      assert.deepEqual(await logOf(there, user), [event]);
    }
  },

  'a live start that becomes visible late is reported once more, under a new event, and not again': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const conversation = conversationOf([anna, ben], idAt(now() - HOUR));
    const { id: conversationId, created } = conversation;
    const live = { isLive: true };
    await here.conversations.start(conversation, live);
    const [, news] = await logOf(there, anna);
    const event = { type: 'conversation.created', conversationId };
    const expected = [
      { id: created, ...event },
      { id: news?.id, ...event },
    ];
    assert.ok(news !== undefined && news.id > idAt(now() - MINUTE), 'it is new');
    for (const user of [anna, ben]) assert.deepEqual(await logOf(there, user), expected);
    for (const storage of [here, there]) await storage.conversations.start(conversation, live);
    for (const user of [anna, ben]) assert.deepEqual(await logOf(here, user), expected);
    assert.deepEqual(await inboxSlice(here.conversations, anna, top(100)), [emptyRowOf(conversation)]);
  },

  'a start is reported once if it is in time or an import, or if a message began the conversation': async ({
    processes: [here, there],
  }) => {
    const live = { isLive: true };
    const check = async (users: readonly [UserId, UserId], expected: readonly EventId[]): Promise<void> => {
      for (const user of users)
        assert.deepEqual(
          (await logOf(there, user)).map(({ id }) => id),
          expected,
        );
    };
    const [inTime, imported, begun] = [freshUsers(), freshUsers(), freshUsers()];
    const recent = conversationOf(inTime, idAt(now()));
    await here.conversations.start(recent, live);
    await check(inTime, [recent.created]);
    const old = conversationOf(imported, idAt(now() - HOUR));
    await here.conversations.start(old);
    await check(imported, [old.created]);
    const first = appendRequest(begun, idAt(now() - HOUR));
    await here.messages.append(first);
    await there.conversations.start(conversationOf(begun, first.message.id), live);
    await check(begun, [first.message.id]);
  },

  'a conversation that is started again after its first message keeps the event of that message': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const sent = appendRequest([anna, ben], idAt(NOON));
    const { conversationId, id } = sent.message;
    // Of two cells with the same timestamp, Cassandra keeps the one that expires later, in whole seconds.
    await here.messages.append(sent);
    await pause(1_100);
    await there.conversations.start(conversationOf([anna, ben], id));
    for (const user of [anna, ben]) {
      assert.deepEqual(await logOf(here, user), [
        { id, type: 'message.created', conversationId, messageId: id },
      ]);
    }
  },

  'a message is one event, even if it is appended repeatedly and by several processes': async ({
    processes,
  }) => {
    const users = freshUsers();
    const sent = appendRequest(users, idAt(NOON), 'Once', freshKey());
    for (let n = 0; n < 6; n += 1) await processes[n % 2 === 0 ? 0 : 1].messages.append(sent);
    for (const user of users) {
      const log = await logOf(processes[0], user);
      assert.deepEqual(
        log.map(({ id }) => id),
        [sent.message.id],
      );
    }
  },

  'a log lists the oldest event first, in any order of arrival': async ({ processes }) => {
    const anna = freshUser();
    const sent = Array.from({ length: 40 }, (_, n) =>
      appendRequest([freshUser(), anna], idAt(NOON + Math.floor(n / 2) * SECOND)),
    );
    await appendAll(processes, shuffled(sent));
    const ids = (await logOf(processes[1], anna)).map(({ id }) => id);
    assert.deepEqual(ids, idsOf(sent.map(({ message }) => message)).sort());
  },

  'parts of a log, each begun after the last event of the previous part, are the whole log': async ({
    processes,
  }) => {
    const anna = freshUser();
    const offsets = [0, 0, 0, 1, 2, 999, 1_000, SECOND, SECOND, MINUTE, HOUR, DAY, 400 * DAY];
    const sent = offsets.map((offset) => appendRequest([freshUser(), anna], idAt(NOON - offset)));
    await appendAll(processes, sent);
    const whole = await logOf(processes[0], anna);
    assert.equal(whole.length, offsets.length);
    for (const size of [1, 2, 5, 12, 13, 14]) {
      const seen: Event[] = [];
      for (let after = BOTTOM, end = false; !end;) {
        const part = await processes[1].events.listAfter(anna, after, size);
        assert.ok(part.length <= size, 'a part is no longer than asked');
        seen.push(...part);
        end = part.length === 0;
        after = part.at(-1)?.id ?? after;
        assert.ok(seen.length <= whole.length, 'no event is repeated');
      }
      assert.deepEqual(seen, whole, `parts of ${size}`);
    }
  },

  'an event beyond the retention is not listed': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    const old = appendRequest([anna, ben], idAt(now() - 1_850 * DAY));
    const recent = appendRequest([anna, ben], idAt(now() - 1_750 * DAY));
    await here.messages.append(old);
    await here.messages.append(recent);
    assert.deepEqual(
      (await logOf(there, ben)).map(({ id }) => id),
      [recent.message.id],
    );
    // It stays in the history.
    assert.equal((await there.messages.listBefore(conversationIdFor(anna, ben), top(100))).length, 2);
  },

  'a live message that becomes visible late gets a new event and moves to the top of the inbox; its time in the history is unchanged':
    async ({ processes: [here, there] }) => {
      const [anna, ben] = freshUsers();
      const time = now();
      const before = appendRequest([ben, anna], idAt(time - 2 * HOUR), 'before');
      const after = appendRequest([ben, anna], idAt(time - MINUTE), 'after');
      const others = appendRequest([freshUser(), anna], idAt(time - SECOND));
      for (const one of [before, after, others]) await here.messages.append(one);
      const late = { ...appendRequest([ben, anna], idAt(time - HOUR), 'late'), isLive: true };
      await there.messages.append(late);

      const history = await here.messages.listBefore(conversationIdFor(anna, ben), top(100));
      assert.deepEqual(history, [after.message, late.message, before.message]);
      const [entry, next] = await inboxSlice(here.conversations, anna, top(100));
      assert.equal(entry?.lastMessage?.messageId, late.message.id, 'it is shown');
      assert.ok(entry.lastEventId > others.message.id, 'it is on top');
      assert.equal(next?.lastEventId, others.message.id);
      for (const user of [anna, ben]) {
        assert.deepEqual(await newsOf(there, user, late.message.id), [late.message.id, entry.lastEventId]);
      }
    },

  'several late completions of one message are one late event': async ({ processes }) => {
    const [anna, ben] = freshUsers();
    const key = freshKey();
    const late = { ...appendRequest([ben, anna], idAt(now() - HOUR), 'late', key), isLive: true };
    const send = (_: unknown, n: number) => processes[n % 2 === 0 ? 0 : 1].messages.append(late);
    await Promise.all(Array.from({ length: 8 }).map(send));
    await send(null, 1);
    const news = await newsOf(processes[0], anna, late.message.id);
    assert.equal(news.length, 2, 'its own event and one late event');
    assert.deepEqual(await newsOf(processes[1], ben, late.message.id), news);
    const [entry] = await inboxSlice(processes[1].conversations, anna, top(1));
    assert.equal(entry?.lastEventId, news[1]);
  },

  'a repeat of a delivered message changes nothing': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    const key = freshKey();
    const late = { ...appendRequest([ben, anna], idAt(now() - HOUR), 'late', key), isLive: true };
    await here.messages.append(late);
    const other = { ...appendRequest([freshUser(), anna], idAt(now() + SECOND)), isLive: true };
    await here.messages.append(other);
    const inbox = await inboxSlice(here.conversations, anna, top(100));
    assert.equal(inbox[0]?.lastEventId, other.message.id);
    const again = { ...appendRequest([ben, anna], idAt(now() + MINUTE), 'late', key), isLive: true };
    for (const storage of [here, there]) {
      const { message } = late;
      assert.deepEqual(await storage.messages.append(again), { outcome: 'repeated', message });
    }
    assert.deepEqual(await inboxSlice(there.conversations, anna, top(100)), inbox);
    assert.equal((await newsOf(there, anna, late.message.id)).length, 2);
  },
} satisfies Contract<StorageSubject>;
