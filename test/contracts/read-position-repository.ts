import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { InboxEntry } from '../../src/domain/conversation.ts';
import type { ConversationId, EventId, UserId } from '../../src/domain/ids.ts';
import { isUnread, laterPosition, MAX_UNREAD_COUNT } from '../../src/domain/read-position.ts';
import {
  appendAll,
  forEachConcurrently,
  conversationOf,
  DAY,
  freshUser,
  freshUsers,
  HOUR,
  idAt,
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
import { logOf } from './event-repository.ts';

/** Above every id. */
const ABOVE_ALL = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as EventId;

/** The entry of a conversation in an inbox; fails if there is none. */
async function entryOf({ conversations }: Storage, userId: UserId, id: ConversationId): Promise<InboxEntry> {
  const inbox = await conversations.listByUser(userId, top(100));
  return inbox.find(({ conversationId }) => conversationId === id) ?? assert.fail('it is in the inbox');
}

/** The unread state of a conversation for a user: whether any message is unread, and how many. */
async function unreadOf(
  storage: Storage,
  userId: UserId,
  id: ConversationId,
): Promise<{ readonly unread: boolean; readonly count: number }> {
  const entry = await entryOf(storage, userId, id);
  const count = await storage.readPositions.countUnread(userId, entry);
  return { unread: isUnread(userId, entry) ?? count > 0, count };
}

const unread = (count: number) => ({ unread: count > 0, count });

/** The read events in the log of `userId`. */
async function marksIn(storage: Storage, userId: UserId) {
  return (await logOf(storage, userId)).flatMap((event) =>
    event.type === 'conversation.read' ? [event] : [],
  );
}

/**
 * The unread messages of a conversation, recounted from all stored data: messages of others with an event in the log
 * above the position.
 */
async function recount(storage: Storage, userId: UserId, id: ConversationId): Promise<number> {
  const { readUpTo } = await entryOf(storage, userId, id);
  const log = await logOf(storage, userId);
  const above = new Set(
    log.flatMap((event) =>
      event.type === 'message.created' && (readUpTo === null || event.id > readUpTo) ? [event.messageId] : [],
    ),
  );
  const messages = await storage.messages.listBefore(id, top(1_000));
  return messages.filter(
    (message) => message.senderId !== userId && message.deletionId === null && above.has(message.id),
  ).length;
}

/** A live message that becomes visible `age` after its time. */
function live(users: readonly [UserId, UserId], age: number): AppendRequest {
  return { ...appendRequest(users, idAt(now() - age)), isLive: true };
}

export const readPositionRepositoryContract = {
  'a message of the other participant is unread in every process until it is marked': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const id = conversationIdFor(anna, ben);
    await here.conversations.start(conversationOf([anna, ben], idAt(NOON - HOUR)));
    assert.deepEqual(await unreadOf(there, anna, id), unread(0), 'an empty conversation has nothing to read');
    const sent = Array.from({ length: 3 }, (_, n) => appendRequest([ben, anna], idAt(NOON + n * MINUTE)));
    for (const [n, one] of sent.entries()) {
      await here.messages.append(one);
      assert.deepEqual(await unreadOf(there, anna, id), unread(n + 1));
    }
    for (const [n, { message }] of sent.entries()) {
      const mark = { userId: anna, conversationId: id, upTo: message.id };
      assert.equal(await there.readPositions.mark(mark), message.id);
      for (const storage of [here, there]) {
        assert.equal((await entryOf(storage, anna, id)).readUpTo, message.id);
        assert.deepEqual(await unreadOf(storage, anna, id), unread(2 - n));
      }
    }
  },

  'a message that arrives after the entry was read does not count, also by its late event': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const id = conversationIdFor(anna, ben);
    await here.messages.append(appendRequest([ben, anna], idAt(NOON)));
    const entry = await entryOf(there, anna, id);
    await here.messages.append(appendRequest([ben, anna], idAt(NOON + 1)));
    await here.messages.append(live([ben, anna], HOUR));
    assert.equal(await there.readPositions.countUnread(anna, entry), 1);
    assert.deepEqual(await unreadOf(there, anna, id), unread(3));
  },

  'a position moves only forward, for any order, number and process of the marks': async ({ processes }) => {
    const check = async (_: unknown, round: number): Promise<void> => {
      const [anna, ben] = freshUsers();
      const id = conversationIdFor(anna, ben);
      // Within one microsecond, the timestamp does not decide which is later.
      const offsets = round % 3 === 0 ? Array<number>(8).fill(0) : [0, 0, 1, 999, 1_000, SECOND, 40 * DAY];
      const sent = offsets.map((offset) => appendRequest([ben, anna], idAt(NOON + offset)));
      await appendAll(processes, sent);
      const places = shuffled(sent.map(({ message }) => message.id));
      const marks = shuffled([...places, ...places.slice(0, 4)]);
      let furthest = '';
      const markUpTo = async (upTo: EventId, n: number): Promise<EventId | null> => {
        const { readPositions } = processes[n % 2 === 0 ? 0 : 1];
        const held = await readPositions.mark({ userId: anna, conversationId: id, upTo });
        assert.ok(held !== null && held >= upTo, 'what was marked holds');
        if (upTo > furthest) furthest = upTo;
        return held;
      };
      if (round % 2 === 0) {
        for (const [n, upTo] of marks.entries()) {
          assert.equal(await markUpTo(upTo, n), furthest);
          assert.equal((await entryOf(processes[1], anna, id)).readUpTo, furthest);
        }
      } else {
        await Promise.all(marks.map(markUpTo));
      }
      for (const storage of processes) {
        assert.equal((await entryOf(storage, anna, id)).readUpTo, furthest);
        assert.deepEqual(await unreadOf(storage, anna, id), unread(0));
      }
    };
    await forEachConcurrently(Array.from({ length: 12 }), check, 4);
  },

  'a mark beyond the last event of the conversation counts as that event, and hides no later message':
    async ({ processes: [here, there] }) => {
      const [anna, ben] = freshUsers();
      const id = conversationIdFor(anna, ben);
      const started = conversationOf([anna, ben], idAt(NOON - HOUR));
      await here.conversations.start(started);
      for (const upTo of [ABOVE_ALL, idAt(NOON + DAY)]) {
        const mark = { userId: anna, conversationId: id, upTo };
        assert.equal(await there.readPositions.mark(mark), started.created);
      }
      for (const offset of [0, HOUR, DAY]) {
        const sent = appendRequest([ben, anna], idAt(NOON + offset));
        await here.messages.append(sent);
        assert.deepEqual(await unreadOf(there, anna, id), unread(1));
        for (const upTo of [idAt(NOON + 2 * DAY), ABOVE_ALL, sent.message.id]) {
          const mark = { userId: anna, conversationId: id, upTo };
          assert.equal(await there.readPositions.mark(mark), sent.message.id);
        }
        assert.deepEqual(await unreadOf(here, anna, id), unread(0), 'after all is marked');
      }
    },

  'a message moves the position of its sender, and no other': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    const id = conversationIdFor(anna, ben);
    await here.messages.append(appendRequest([ben, anna], idAt(NOON)));
    assert.equal(
      (await entryOf(there, anna, id)).readUpTo,
      null,
      'a position begins with a mark or a message',
    );
    const reply = appendRequest([anna, ben], idAt(NOON + MINUTE));
    await there.messages.append(reply);
    assert.equal((await entryOf(here, anna, id)).readUpTo, reply.message.id);
    assert.deepEqual(await unreadOf(here, anna, id), unread(0));
    assert.deepEqual(await unreadOf(here, ben, id), unread(1));
    // Neither an earlier message that arrives later nor a start moves it back.
    await here.messages.append(appendRequest([anna, ben], idAt(NOON - MINUTE)));
    await here.conversations.start(conversationOf([anna, ben], idAt(NOON - HOUR)));
    assert.equal((await entryOf(there, anna, id)).readUpTo, reply.message.id);
    const note = appendRequest([anna, anna], idAt(NOON));
    await here.messages.append(note);
    assert.equal((await entryOf(there, anna, conversationIdFor(anna))).readUpTo, note.message.id);
    assert.deepEqual(await unreadOf(there, anna, conversationIdFor(anna)), unread(0));
  },

  'a mark moves the position of its reader in that conversation, and no other': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const carl = freshUser();
    await here.messages.append(appendRequest([carl, anna], idAt(NOON)));
    await here.messages.append(appendRequest([carl, ben], idAt(NOON)));
    await here.messages.append(appendRequest([anna, ben], idAt(NOON)));
    const sent = appendRequest([ben, anna], idAt(NOON + SECOND));
    await here.messages.append(sent);
    const id = conversationIdFor(anna, ben);
    const before = [await entryOf(there, ben, id), await entryOf(there, anna, conversationIdFor(anna, carl))];
    await there.readPositions.mark({ userId: anna, conversationId: id, upTo: sent.message.id });
    const after = [await entryOf(here, ben, id), await entryOf(here, anna, conversationIdFor(anna, carl))];
    assert.deepEqual(after, before);
    assert.equal((await entryOf(here, anna, id)).readUpTo, sent.message.id);
    // The same for a mark that moves nothing: an own message that the other has not read.
    const reply = appendRequest([anna, ben], idAt(NOON + MINUTE));
    await here.messages.append(reply);
    await there.readPositions.mark({ userId: anna, conversationId: id, upTo: reply.message.id });
    assert.equal((await entryOf(here, ben, id)).readUpTo, sent.message.id);
    // A conversation of others or one that does not exist cannot be marked.
    for (const conversationId of [conversationIdFor(ben, carl), conversationIdFor(anna, freshUser())]) {
      const mark = { userId: anna, conversationId, upTo: sent.message.id };
      assert.equal(await there.readPositions.mark(mark), null);
      assert.deepEqual(
        (await marksIn(here, anna)).map((event) => event.conversationId),
        [id],
      );
    }
    assert.equal((await here.conversations.listByUser(anna, top(100))).length, 2, 'the inbox gains nothing');
  },

  'the positions of a conversation are listed in the order of its participants': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const conversation = conversationOf([anna, ben], idAt(NOON));
    const positions = async () => {
      const listed = await there.readPositions.listByConversation(conversation);
      assert.deepEqual(
        listed.map(({ userId }) => userId),
        conversation.participants,
      );
      return new Map(listed.map(({ userId, readUpTo }) => [userId, readUpTo]));
    };
    assert.deepEqual(await positions(), new Map([anna, ben].map((userId) => [userId, null])));
    const sent = appendRequest([anna, ben], conversation.created as AppendRequest['message']['id']);
    await here.messages.append(sent);
    assert.deepEqual([(await positions()).get(anna), (await positions()).get(ben)], [sent.message.id, null]);
    await here.readPositions.mark({ userId: ben, conversationId: conversation.id, upTo: ABOVE_ALL });
    assert.equal((await positions()).get(ben), sent.message.id);
  },

  'a mark that moves the position is an event in both logs; a mark that moves nothing is no event': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const conversationId = conversationIdFor(anna, ben);
    const sent = [0, 1, 2].map((n) => appendRequest([ben, anna], idAt(NOON + n)));
    await appendAll([here, there], sent);
    const [first, second, third] = sent.map(({ message }) => message.id);
    const expected: unknown[] = [];
    for (const upTo of [second, second, first, ABOVE_ALL, third, second]) {
      const storage = expected.length % 2 === 0 ? there : here;
      const before = (await entryOf(here, anna, conversationId)).readUpTo;
      const readUpTo = await storage.readPositions.mark({
        userId: anna,
        conversationId,
        upTo: upTo ?? ABOVE_ALL,
      });
      if (readUpTo !== before)
        expected.push({ type: 'conversation.read', conversationId, readerId: anna, readUpTo });
      for (const user of [anna, ben]) {
        const marks = await marksIn(there, user);
        assert.deepEqual(
          marks.map(({ id: _, ...rest }) => rest),
          expected,
        );
      }
    }
    assert.equal(expected.length, 2);
    // The conversation stays at the position of its last message.
    const [entry] = await here.conversations.listByUser(anna, top(1));
    assert.equal(entry?.lastEventId, third);

    const carl = freshUser();
    await here.messages.append(appendRequest([carl, carl], idAt(NOON)));
    await here.readPositions.mark({ userId: carl, conversationId: conversationIdFor(carl), upTo: ABOVE_ALL });
    assert.deepEqual(await marksIn(there, carl), [], 'a note to oneself is read');
  },

  'a message that became visible late is unread once, for any position, and read after its event is marked':
    async ({ processes: [here, there] }) => {
      const [anna, ben] = freshUsers();
      const id = conversationIdFor(anna, ben);
      const seen = live([ben, anna], 0);
      await here.messages.append(seen);
      await there.readPositions.mark({ userId: anna, conversationId: id, upTo: ABOVE_ALL });
      assert.deepEqual(await unreadOf(here, anna, id), unread(0));
      const late = live([ben, anna], HOUR);
      for (const storage of [here, there, here]) await storage.messages.append(late);
      assert.deepEqual(await unreadOf(there, anna, id), unread(1));
      // Its late event, not its own id, is the position to mark.
      const mark = { userId: anna, conversationId: id };
      assert.equal(await here.readPositions.mark({ ...mark, upTo: late.message.id }), seen.message.id);
      assert.deepEqual(await unreadOf(there, anna, id), unread(1));
      const { lastEventId } = await entryOf(here, anna, id);
      assert.equal(await there.readPositions.mark({ ...mark, upTo: lastEventId }), lastEventId);
      assert.deepEqual(await unreadOf(here, anna, id), unread(0));
      // The own late message is read, and unread for the other participant.
      const own = live([anna, ben], 2 * HOUR);
      await here.messages.append(own);
      assert.deepEqual(await unreadOf(there, anna, id), unread(0));
      assert.equal((await unreadOf(there, ben, id)).unread, true);
      assert.equal((await unreadOf(there, ben, id)).count, 1, 'ben has sent all others');
    },

  'an own message that became visible late does not mark later messages of others as read': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const id = conversationIdFor(anna, ben);
    const [first, second] = [live([ben, anna], MINUTE), live([ben, anna], 0)];
    for (const one of [first, second]) await here.messages.append({ ...one, isLive: false });
    await there.messages.append(live([anna, ben], HOUR));
    assert.deepEqual(await unreadOf(here, anna, id), unread(2));
    const mark = { userId: anna, conversationId: id };
    await there.readPositions.mark({ ...mark, upTo: first.message.id });
    assert.deepEqual(await unreadOf(here, anna, id), unread(1));
    const { lastEventId } = await entryOf(here, anna, id);
    await there.readPositions.mark({ ...mark, upTo: second.message.id });
    assert.deepEqual(await unreadOf(here, anna, id), unread(0));
    assert.equal(await there.readPositions.mark({ ...mark, upTo: ABOVE_ALL }), lastEventId);
    assert.deepEqual(await unreadOf(here, anna, id), unread(0));
  },

  'a late message above the position is counted once': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    const id = conversationIdFor(anna, ben);
    const early = live([ben, anna], 3 * HOUR);
    const late = live([ben, anna], 2 * HOUR);
    for (const one of [early, late]) await here.messages.append({ ...one, isLive: one === late });
    assert.deepEqual(await unreadOf(there, anna, id), unread(2));
    await there.readPositions.mark({ userId: anna, conversationId: id, upTo: early.message.id });
    assert.deepEqual(await unreadOf(here, anna, id), unread(1));
  },

  'unread messages, including late ones, are counted exactly up to 99; 100 means more': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const id = conversationIdFor(anna, ben);
    const begin = now() - HOUR;
    const sent = Array.from({ length: 120 }, (_, n) => appendRequest([ben, anna], idAt(begin + n * SECOND)));
    await appendAll([here, there], sent);
    const mark = async (unreadCount: number): Promise<void> => {
      const upTo = sent.at(-unreadCount - 1)?.message.id ?? assert.fail();
      await here.readPositions.mark({ userId: anna, conversationId: id, upTo });
    };
    const count = async () => (await unreadOf(there, anna, id)).count;
    assert.equal(await count(), MAX_UNREAD_COUNT);
    for (const expected of [101, 100, 99, 98]) {
      await mark(expected);
      assert.equal(await count(), Math.min(expected, MAX_UNREAD_COUNT));
    }
    for (const [n, expected] of [99, 100, 100].entries()) {
      await there.messages.append(live([ben, anna], 2 * DAY + n * HOUR));
      assert.equal(await count(), expected, 'with the late ones');
    }
    await here.readPositions.mark({ userId: anna, conversationId: id, upTo: ABOVE_ALL });
    assert.equal(await count(), 0);
  },

  'unread messages over years are counted, dense or sparse': async ({ processes: [here, there] }) => {
    const spans = [MINUTE, 9 * DAY, 45 * DAY, 100 * DAY];
    await forEachConcurrently(spans, async (span) => {
      const [anna, ben] = freshUsers();
      const id = conversationIdFor(anna, ben);
      const sent = Array.from({ length: 40 }, (_, n) => appendRequest([ben, anna], idAt(NOON - n * span)));
      await appendAll([here, there], shuffled(sent));
      assert.equal((await unreadOf(there, anna, id)).count, 40);
      for (const index of [39, 38, 20, 3, 1, 0]) {
        const upTo = sent[index]?.message.id ?? assert.fail();
        await here.readPositions.mark({ userId: anna, conversationId: id, upTo });
        assert.equal((await unreadOf(there, anna, id)).count, index, `span ${span}`);
      }
    });
  },

  'the unread state equals a recount after any sends, late messages and marks, and nothing is unread after all is marked':
    async ({ processes }) => {
      const check = async (): Promise<void> => {
        const users = [...freshUsers(), freshUser()] as const;
        const pick = (): UserId => users[randomInt(3)] ?? users[0];
        /** The furthest position that each user has marked or sent, by conversation. */
        const furthest = new Map<string, EventId>();
        const hasRead = (userId: UserId, id: ConversationId, upTo: EventId | null): void => {
          const held = laterPosition(furthest.get(`${userId} ${id}`) ?? null, upTo);
          if (held !== null) furthest.set(`${userId} ${id}`, held);
        };
        for (let step = 0; step < 25; step += 1) {
          const storage = processes[randomInt(2) === 0 ? 0 : 1];
          const [one, other] = [pick(), pick()];
          if (randomInt(3) > 0) {
            const request = live([one, other], randomInt(3) === 0 ? randomInt(40) * HOUR : 0);
            await storage.messages.append(request);
            hasRead(one, request.message.conversationId, request.message.id);
            continue;
          }
          const log = await logOf(storage, one);
          const event = log[randomInt(log.length + 1)];
          const upTo = event?.id ?? ABOVE_ALL;
          const conversationId = event?.conversationId ?? conversationIdFor(one, other);
          const held = await storage.readPositions.mark({ userId: one, conversationId, upTo });
          hasRead(one, conversationId, held);
        }
        for (const userId of users) {
          for (const { conversationId } of await processes[0].conversations.listByUser(userId, top(100))) {
            const { readUpTo } = await entryOf(processes[1], userId, conversationId);
            assert.equal(readUpTo, furthest.get(`${userId} ${conversationId}`) ?? null);
            const expected = await recount(processes[0], userId, conversationId);
            assert.deepEqual(await unreadOf(processes[1], userId, conversationId), unread(expected));
            await processes[1].readPositions.mark({ userId, conversationId, upTo: ABOVE_ALL });
            assert.deepEqual(
              await unreadOf(processes[0], userId, conversationId),
              unread(0),
              'after all is marked',
            );
          }
        }
      };
      await forEachConcurrently(Array.from({ length: 12 }), check, 4);
    },
} satisfies Contract<StorageSubject>;
