import assert from 'node:assert/strict';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { AppendResult, AppendRequest } from '../../src/application/ports/message-repository.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { IdempotencyKey, UserId } from '../../src/domain/ids.ts';
import { MAX_CONTENT_LENGTH, type Message } from '../../src/domain/message.ts';
import { positionAtTimestamp, timestampOf } from '../../src/domain/time.ts';
import {
  appendAll,
  forEachConcurrently,
  conversationOf,
  DAY,
  freshKey,
  freshUser,
  freshUsers,
  HOUR,
  idAt,
  inboxSlice,
  idsOf,
  checkWhile,
  MILLISECOND,
  MINUTE,
  NOON,
  now,
  appendRequest,
  rowOf,
  SECOND,
  shuffled,
  conversationIdFor,
  top,
  walk,
} from './fixtures.ts';
import type { Contract, StorageSubject } from './contract.ts';
import { newestFirst } from '../support/plain-list.ts';

const idOf = ({ id }: Message) => id;

/** Texts that some storages or drivers change. */
const TEXTS = [
  ' with surrounding white space \t\r\n',
  'e\u0301 is not \u00e9',
  '👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽',
  'שלום \u202eمرحبا\u202c',
  '\u0001\u007f\u0085\u200b\ufeff\uffff',
  `'); DROP TABLE messages; -- " \\ \\u0041 %s {} $1 ?`,
  'null',
  '𝒳'.repeat(MAX_CONTENT_LENGTH),
];

/** Twenty-five messages. Most share their millisecond with another, some also the microsecond. */
function messagesWithSharedTimes(users: readonly [UserId, UserId]): AppendRequest[] {
  const sameMicrosecond = [0, 0, 1, 500, 999, 999].map((thousandth) => idAt(NOON, thousandth));
  const sameMillisecond = [1, 2, 3, 500, 997, 998, 999].map((microsecond) => idAt(NOON + microsecond));
  const around = [-HOUR, -SECOND, -1, MILLISECOND, MILLISECOND + 1, SECOND].flatMap((offset) => [
    idAt(NOON + offset, 7),
    idAt(NOON + offset, 8),
  ]);
  return [...sameMicrosecond, ...sameMillisecond, ...around].map((id, n) =>
    appendRequest(users, id, `No. ${n}`),
  );
}

function messagesOf(appendRequests: readonly AppendRequest[]): Message[] {
  return newestFirst(
    appendRequests.map(({ message }) => message),
    idOf,
  );
}

/** Appends until the outcome is known: repeats the request after an unknown outcome. */
async function appendedBy({ messages }: Storage, one: AppendRequest): Promise<AppendResult> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await messages.append(one);
    } catch (error) {
      if (!(error instanceof StorageFailure) || attempts === 5) throw error;
    }
  }
}

export const messageRepositoryContract = {
  'the next read of every process returns an appended message': async ({ processes: [here, there] }) => {
    const users = freshUsers();
    for (let n = 0; n < 10; n += 1) {
      const sent = appendRequest(users, idAt(NOON + n * SECOND));
      const [writer, reader] = n % 2 === 0 ? [here, there] : [there, here];
      const appended = await writer.messages.append(sent);
      assert.deepEqual(appended, { outcome: 'appended', message: sent.message });
      assert.deepEqual(await reader.messages.listBefore(conversationIdFor(...users), top(1)), [sent.message]);
    }
  },

  'a message is returned byte for byte': async ({ processes }) => {
    const [anna, ben] = freshUsers();
    const sent = TEXTS.map((text, n) =>
      appendRequest(n % 2 ? [anna, ben] : [ben, anna], idAt(NOON + n), text),
    );
    await appendAll(processes, sent);
    const found = await processes[0].messages.listBefore(conversationIdFor(anna, ben), top(100));
    assert.deepEqual(found, messagesOf(sent));
  },

  'a message appended repeatedly under one id, by several processes, is stored once': async ({
    processes,
  }) => {
    const users = freshUsers();
    const sent = [NOON, NOON + 1, NOON + DAY].map((time) => appendRequest(users, idAt(time)));
    await appendAll(processes, [...sent, ...sent, ...sent]);
    await appendAll(processes, shuffled([...sent, ...sent]));
    const found = await processes[1].messages.listBefore(conversationIdFor(...users), top(100));
    assert.deepEqual(found, messagesOf(sent));
  },

  'messages are listed newest first, in any order of arrival': async ({ processes }) => {
    const users = freshUsers();
    const sent = Array.from({ length: 40 }, (_, n) => appendRequest(users, idAt(NOON + n * n * MINUTE)));
    await appendAll(processes, shuffled(sent));
    const found = await processes[0].messages.listBefore(conversationIdFor(...users), top(100));
    assert.deepEqual(idsOf(found), idsOf(messagesOf(sent)));
  },

  'pages of any size together are the whole conversation, even if messages share a millisecond or a microsecond':
    async ({ processes }) => {
      const users = freshUsers();
      const sent = messagesWithSharedTimes(users);
      await appendAll(processes, shuffled(sent));
      await forEachConcurrently([...sent.keys(), sent.length], async (n) => {
        const { messages } = processes[n % 2 === 0 ? 0 : 1];
        const found = await walk(
          (slice) => messages.listBefore(conversationIdFor(...users), slice),
          idOf,
          n + 1,
        );
        assert.deepEqual(found, messagesOf(sent), `pages of ${n + 1}`);
      });
    },

  'the printed time of a message is its position when used as a bound': async ({ processes }) => {
    const users = freshUsers();
    const sent = messagesWithSharedTimes(users);
    await appendAll(processes, sent);
    const all = messagesOf(sent);
    for (const { id } of all) {
      const before = positionAtTimestamp(timestampOf(id));
      const found = await processes[0].messages.listBefore(conversationIdFor(...users), {
        ...top(100),
        before,
      });
      const older = all.filter((other) => timestampOf(other.id) < timestampOf(id));
      assert.deepEqual(idsOf(found), idsOf(older), timestampOf(id));
    }
  },

  'a slice skips `offset` messages below its bound': async ({ processes }) => {
    const users = freshUsers();
    const sent = Array.from({ length: 30 }, (_, n) => appendRequest(users, idAt(NOON + n * 12 * DAY)));
    await appendAll(processes, sent);
    const all = messagesOf(sent);
    for (const [index, bound] of [undefined, all[0], all[11], all[29]].entries()) {
      const below = bound === undefined ? all : all.slice(all.indexOf(bound) + 1);
      for (const offset of [0, 1, 7, 17, 18, 29, 30, 2_000]) {
        const slice = { before: bound?.id ?? null, offset, limit: 5 };
        const found = await processes[0].messages.listBefore(conversationIdFor(...users), slice);
        assert.deepEqual(
          idsOf(found),
          idsOf(below.slice(offset, offset + 5)),
          `bound ${index}, offset ${offset}`,
        );
      }
    }
  },

  'messages with years between them are all listed': async ({ processes }) => {
    const users = freshUsers();
    const days = [0, 1, 29, 30, 31, 32, 400, 401, 1_500, 1_501, 1_502, 3_650, 3_650, 3_700, 3_760, 3_761];
    const sent = days.map((day) => appendRequest(users, idAt(NOON - day * DAY)));
    await appendAll(processes, shuffled(sent));
    const all = messagesOf(sent);
    for (const size of [1, 3, 20]) {
      const { messages } = processes[1];
      const found = await walk(
        (slice) => messages.listBefore(conversationIdFor(...users), slice),
        idOf,
        size,
      );
      assert.deepEqual(idsOf(found), idsOf(all), `pages of ${size}`);
    }
    for (const quiet of [800, 2_500, 5_000]) {
      const before = idAt(NOON - quiet * DAY);
      const found = await processes[0].messages.listBefore(conversationIdFor(...users), {
        ...top(2),
        before,
      });
      assert.deepEqual(idsOf(found), idsOf(all.filter(({ id }) => id < before).slice(0, 2)));
    }
  },

  'a message from a clock that is ahead is visible at once': async ({ processes: [here, there] }) => {
    const users = freshUsers();
    const times = [now(), now() + MINUTE, now() + HOUR, now() + 40 * DAY];
    for (const time of times) {
      const sent = appendRequest(users, idAt(time));
      await here.messages.append(sent);
      assert.deepEqual(await there.messages.listBefore(conversationIdFor(...users), top(1)), [sent.message]);
      assert.deepEqual(await inboxSlice(there.conversations, users[1], top(1)), [rowOf(sent)]);
    }
    const all = await here.messages.listBefore(conversationIdFor(...users), top(100));
    assert.equal(all.length, times.length);
  },

  'a conversation lists only its own messages; one that does not exist lists none': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const pairs = [
      [anna, ben],
      [anna, freshUser()],
      [anna, anna],
    ] as const;
    const sent = pairs.map((users) => appendRequest(users, idAt(NOON)));
    await forEachConcurrently(sent, (one) => here.messages.append(one));
    for (const { message } of sent) {
      assert.deepEqual(await there.messages.listBefore(message.conversationId, top(100)), [message]);
    }
    assert.deepEqual(await here.messages.listBefore(conversationIdFor(ben, freshUser()), top(100)), []);
    const started = conversationOf([ben, freshUser()], idAt(NOON));
    await here.conversations.start(started);
    assert.deepEqual(await here.messages.listBefore(started.id, top(100)), []);
  },

  'an appended message is in the inbox of every participant': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    for (let n = 0; n < 10; n += 1) {
      const sent = appendRequest(
        n % 3 === 0 ? [ben, anna] : [anna, ben],
        idAt(NOON + n * MINUTE),
        `No. ${n}`,
      );
      await here.messages.append(sent);
      assert.deepEqual(await inboxSlice(there.conversations, anna, top(100)), [rowOf(sent)]);
      assert.deepEqual(await inboxSlice(there.conversations, ben, top(100)), [rowOf(sent)]);
    }
  },

  'an inbox never names a message that cannot be read': async ({ processes }) => {
    const anna = freshUser();
    const friends = [freshUser(), freshUser(), freshUser()];
    const sent = Array.from({ length: 150 }, (_, n) => {
      const friend = friends[n % friends.length] ?? anna;
      return appendRequest([friend, anna], idAt(NOON + n * SECOND));
    });
    await checkWhile(appendAll(processes, sent), async () => {
      for (const { conversationId, lastMessage } of await inboxSlice(
        processes[0].conversations,
        anna,
        top(100),
      )) {
        const messages = await processes[1].messages.listBefore(conversationId, top(100));
        assert.ok(messages.some(({ id }) => id === lastMessage?.messageId));
      }
    });
  },

  'one key is one message, even if it is sent many times concurrently by several processes': async ({
    processes,
  }) => {
    const [anna, ben] = freshUsers();
    const key = freshKey();
    const attempts = Array.from({ length: 16 }, (_, n) =>
      appendRequest([anna, ben], idAt(NOON + n * MINUTE), 'Once', key),
    );
    const answers: AppendResult[] = [];
    const send = async (one: AppendRequest, n: number): Promise<unknown> =>
      answers.push(await appendedBy(processes[n % 2 === 0 ? 0 : 1], one));
    await forEachConcurrently(attempts, send, attempts.length);

    const found = await processes[0].messages.listBefore(conversationIdFor(anna, ben), top(100));
    assert.equal(found.length, 1, 'one message is stored');
    for (const answer of answers) {
      assert.notEqual(answer.outcome, 'key_reused');
      assert.deepEqual('message' in answer && [answer.message], found);
    }
    assert.equal(answers.filter(({ outcome }) => outcome === 'appended').length, 1, 'one send is the first');
    const inbox = await inboxSlice(processes[1].conversations, ben, top(100));
    assert.deepEqual(
      inbox.map(({ lastMessage }) => lastMessage?.messageId),
      idsOf(found),
    );
  },

  'a repeated append with a key returns the first result': async ({ processes: [here, there] }) => {
    const users = freshUsers();
    const key = freshKey();
    const first = appendRequest(users, idAt(NOON), 'Once', key);
    const second = appendRequest(users, idAt(NOON + 1), 'Once', key);
    for (const storage of [here, there, here]) {
      const { message } = first;
      assert.deepEqual(await storage.messages.append(first), { outcome: 'appended', message });
      assert.deepEqual(await storage.messages.append(second), { outcome: 'repeated', message });
    }
  },

  'a key repeated with a much later id is the same message, at its old position': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const key = freshKey();
    const first = appendRequest([anna, ben], idAt(NOON - 1_000 * DAY), 'Once', key);
    const between = appendRequest([ben, anna], idAt(NOON - 500 * DAY), 'Later');
    await here.messages.append(first);
    await here.messages.append(between);
    for (const [storage, time] of [
      [here, NOON - 1_000 * DAY + 1],
      [there, NOON],
      [here, now()],
    ] as const) {
      const again = await storage.messages.append(appendRequest([anna, ben], idAt(time), 'Once', key));
      assert.deepEqual(again, { outcome: 'repeated', message: first.message });
    }
    const found = await there.messages.listBefore(conversationIdFor(anna, ben), top(100));
    assert.deepEqual(found, [between.message, first.message]);
    assert.deepEqual(await inboxSlice(there.conversations, ben, top(100)), [rowOf(between)]);
    const conversation = await there.conversations.find(conversationIdFor(anna, ben));
    assert.equal(conversation?.created, first.message.id);
  },

  'a message is found by its sender and the key of its send, as it is now': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const key = freshKey();
    assert.equal(await there.messages.findByKey(anna, key), null);
    const { message, participants } = appendRequest([anna, ben], idAt(now()), 'Once', key);
    await here.messages.append({ message, participants, idempotencyKey: key, isLive: true });
    assert.deepEqual(await there.messages.findByKey(anna, key), message);
    assert.equal(await there.messages.findByKey(ben, key), null);
    assert.equal(await there.messages.findByKey(anna, freshKey()), null);
    const { id: messageId, conversationId } = message;
    const deletionId = idAt(now());
    await here.messages.delete({ conversationId, messageId, participants, deletionId });
    assert.deepEqual(await there.messages.findByKey(anna, key), {
      ...message,
      content: null,
      deletionId,
    });
    const created = idAt(now());
    const creationKey = freshKey();
    await here.groups.create({
      created,
      creatorId: anna,
      participants: [anna, ben, freshUser()],
      name: null,
      idempotencyKey: creationKey,
    });
    assert.equal(await there.messages.findByKey(anna, creationKey), null);
  },

  'a key used for another body is refused, and that body is not stored': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    // Two bodies that are equal if receiver and content are concatenated.
    const bena = `${ben}a` as UserId;
    const key = freshKey();
    const first = appendRequest([anna, ben], idAt(NOON), 'ab', key);
    await here.messages.append(first);
    for (const other of [
      appendRequest([anna, ben], idAt(NOON + 1), 'ab ', key),
      appendRequest([anna, freshUser()], idAt(NOON + 2), 'ab', key),
      appendRequest([anna, bena], idAt(NOON + 3), 'b', key),
      appendRequest([anna, anna], idAt(NOON + 4), 'ab', key),
    ]) {
      assert.deepEqual(await there.messages.append(other), { outcome: 'key_reused' });
      const { conversationId } = other.message;
      const stored = await here.messages.listBefore(conversationId, top(100));
      assert.deepEqual(stored, other.participants.includes(ben) ? [first.message] : []);
      assert.equal((await here.conversations.find(conversationId)) !== null, stored.length > 0);
      assert.deepEqual(await inboxSlice(here.conversations, anna, top(100)), [rowOf(first)]);
    }
    const again = await here.messages.append(appendRequest([anna, ben], idAt(NOON + 5), 'ab', key));
    assert.deepEqual(again, { outcome: 'repeated', message: first.message });
  },

  'the same key of another sender is another message': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    const key = freshKey();
    // Two pairs that are equal if sender and key are concatenated.
    const annax = `${anna}:x` as UserId;
    const sent = [
      appendRequest([anna, ben], idAt(NOON), 'Hello', key),
      appendRequest([ben, anna], idAt(NOON + 1), 'Hello', key),
      appendRequest([anna, ben], idAt(NOON + 2), 'Hello', `x:${key}` as IdempotencyKey),
      appendRequest([annax, ben], idAt(NOON + 3), 'Hello', key),
    ];
    for (const [n, one] of sent.entries()) {
      const appended = await (n % 2 === 0 ? here : there).messages.append(one);
      assert.deepEqual(appended, { outcome: 'appended', message: one.message });
    }
    const found = await here.messages.listBefore(conversationIdFor(anna, ben), top(100));
    assert.deepEqual(found, messagesOf(sent.slice(0, 3)));
  },

  'without a key or with another key, equal content is another message': async ({ processes }) => {
    const users = freshUsers();
    const key = freshKey();
    const keys = [null, null, key, key.toUpperCase() as IdempotencyKey, `${key}.` as IdempotencyKey];
    const sent = keys.map((each, n) => appendRequest(users, idAt(NOON + n), 'Hello', each));
    await appendAll(processes, sent);
    const found = await processes[0].messages.listBefore(conversationIdFor(...users), top(100));
    assert.deepEqual(found, messagesOf(sent));
  },

  'messages are found by their ids in their conversation, complete, at any time in the history': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const sent = [0, 1, 40 * DAY, 400 * DAY].map((age, n) =>
      appendRequest([anna, ben], idAt(NOON - age), `No. ${n} ${'🧑🏽‍🚀'.repeat(100)}`),
    );
    const other = appendRequest([anna, freshUser()], idAt(NOON));
    await appendAll([here, there], [...sent, other]);
    const ids = sent.map(({ message }) => message.id);
    const byId = (messages: readonly Message[]) => [...messages].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const storage of [here, there]) {
      const find = storage.messages.find(conversationIdFor(anna, ben), [
        ...ids,
        idAt(NOON),
        other.message.id,
      ]);
      assert.deepEqual(byId(await find), byId(sent.map(({ message }) => message)));
      assert.deepEqual(await storage.messages.find(conversationIdFor(anna, ben), []), []);
      assert.deepEqual(await storage.messages.find(conversationIdFor(...freshUsers()), ids), []);
    }
  },
} satisfies Contract<StorageSubject>;
