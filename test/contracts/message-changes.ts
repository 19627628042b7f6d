import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { AppendRequest, EditRequest } from '../../src/application/ports/message-repository.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { lastMessageOf, type LastMessage } from '../../src/domain/conversation.ts';
import type { EventId, UserId } from '../../src/domain/ids.ts';
import { MAX_CONTENT_LENGTH, type Message } from '../../src/domain/message.ts';
import { isUnread } from '../../src/domain/read-position.ts';
import type { Contract, StorageSubject } from './contract.ts';
import { logOf } from './event-repository.ts';
import {
  appendAll,
  appendRequest,
  conversationOf,
  DAY,
  freshKey,
  freshUser,
  freshUsers,
  HOUR,
  idAt,
  idsOf,
  MILLISECOND,
  MINUTE,
  NOON,
  now,
  SECOND,
  shuffled,
  top,
} from './fixtures.ts';

/** Edits and deletions of stored messages, in `MessageRepository`. */

function editOf({ message, participants }: AppendRequest, editId: EventId, content: string): EditRequest {
  return { conversationId: message.conversationId, messageId: message.id, participants, editId, content };
}

function deletionOf({ message, participants }: AppendRequest, deletionId: EventId) {
  return { conversationId: message.conversationId, messageId: message.id, participants, deletionId };
}

function edited({ message }: AppendRequest, editId: EventId, content: string): Message {
  return { ...message, content, editId };
}

function deleted({ message }: AppendRequest, deletionId: EventId): Message {
  return { ...message, content: null, deletionId };
}

/** Asserts that every list of every process shows `message`, and the inboxes as the last one if it is `last`. */
async function assertShown(
  processes: readonly Storage[],
  { message: { conversationId, id }, participants }: AppendRequest,
  message: Message,
  last: Message = message,
): Promise<void> {
  for (const { messages, conversations } of processes) {
    const history = await messages.listBefore(conversationId, top(1_000));
    assert.deepEqual(
      history.filter((one) => one.id === id),
      [message],
      'in history',
    );
    assert.deepEqual(await messages.find(conversationId, [id]), [message], 'by its id');
    for (const userId of participants) {
      const inbox = await conversations.listByUser(userId, top(100));
      const entry = inbox.find((one) => one.conversationId === conversationId);
      assert.deepEqual(entry?.lastMessage, lastMessageOf(last), 'in the inbox');
    }
  }
}

/** Runs `works` concurrently, in random order, by both processes. */
async function inAnyOrder(
  processes: readonly [Storage, Storage],
  works: readonly ((storage: Storage) => Promise<unknown>)[],
): Promise<void> {
  await Promise.all(shuffled(works).map((work) => work(processes[randomInt(2) === 0 ? 0 : 1])));
}

/** The events in the log of `userId` that report a change of a message. */
async function changesIn(storage: Storage, userId: UserId) {
  return (await logOf(storage, userId)).filter(
    ({ type }) => type === 'message.edited' || type === 'message.deleted',
  );
}

/** A live message that becomes visible an hour late. */
function lateRequest(users: readonly [UserId, UserId], key = freshKey()): AppendRequest {
  return { ...appendRequest(users, idAt(now() - HOUR), 'secret', key), isLive: true };
}

/** How often a clause with random orders is repeated. */
const ROUNDS = 12;

export const messageChangesContract = {
  'an edit replaces the content in history, inbox and lookup, byte for byte and in every process': async ({
    processes,
  }) => {
    const sent = appendRequest(freshUsers(), idAt(NOON), 'Before');
    await processes[0].messages.append(sent);
    const contents = ['After', ' \té👩‍👩‍👧‍👦 ', 'null', '𝒳'.repeat(MAX_CONTENT_LENGTH), 'After'];
    for (const [n, content] of contents.entries()) {
      const editId = idAt(NOON + n * MINUTE + 1);
      const changed = await processes[n % 2 === 0 ? 0 : 1].messages.edit(editOf(sent, editId, content));
      assert.deepEqual(changed, edited(sent, editId, content));
      await assertShown(processes, sent, edited(sent, editId, content));
    }
  },

  'the last edit wins as a whole, in any order of arrival, even of edits in one microsecond': async ({
    processes,
  }) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const sent = appendRequest(freshUsers(), idAt(NOON), 'Before');
      await processes[0].messages.append(sent);
      const step = [0, 1, MILLISECOND][round % 3] ?? 0;
      // Within a microsecond the contents are not in the order of the ids.
      const edits = Array.from({ length: 5 }, (_, n) =>
        editOf(sent, idAt(NOON + SECOND + n * step, n * 100), `${9 - n} ${'x'.repeat(200 - n * 40)}`),
      );
      if (round % 2 === 0) {
        for (const [n, edit] of shuffled(edits).entries())
          await processes[n % 2 === 0 ? 0 : 1].messages.edit(edit);
      } else {
        await inAnyOrder(
          processes,
          edits.map(
            (edit) =>
              ({ messages }) =>
                messages.edit(edit),
          ),
        );
      }
      const last = edits.at(-1) ?? assert.fail();
      await assertShown(processes, sent, edited(sent, last.editId, last.content));
    }
  },

  'a deleted message has no content in history, inbox and lookup, and stays at its place': async ({
    processes: [here, there],
  }) => {
    const users = freshUsers();
    const sent = [0, 1, 2].map((n) => appendRequest(users, idAt(NOON + n * MINUTE), `No. ${n}`));
    await appendAll([here, there], sent);
    const [, middle, last] = sent;
    assert.ok(middle && last);
    await here.messages.edit(editOf(last, idAt(NOON + HOUR), 'Edited'));
    for (const [n, one] of [middle, last].entries()) {
      const deletionId = idAt(NOON + 2 * HOUR + n);
      const result = await there.messages.delete(deletionOf(one, deletionId));
      assert.deepEqual(result, deleted(one, deletionId));
    }
    await assertShown([here, there], last, deleted(last, (await lastOf(here, last)).deletionId!));
    const history = await here.messages.listBefore(last.message.conversationId, top(100));
    assert.deepEqual(idsOf(history), idsOf(sent.map(({ message }) => message)).reverse());
    assert.deepEqual(
      history.map(({ content }) => content),
      [null, null, 'No. 0'],
    );
    const page = await there.messages.listBefore(last.message.conversationId, {
      before: last.message.id,
      offset: 1,
      limit: 5,
      maxBytes: 10,
    });
    assert.deepEqual(idsOf(page), [sent[0]?.message.id]);
  },

  'a deletion wins over edits from before and after it, in any order of arrival': async ({ processes }) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const sent = appendRequest(freshUsers(), idAt(NOON), 'secret');
      await processes[0].messages.append(sent);
      const deletionId = idAt(NOON + MINUTE);
      const times = [NOON + 1, NOON + SECOND, NOON + MINUTE, NOON + HOUR, NOON + 400 * DAY];
      const edits = times.map(
        (time) => (storage: Storage) => storage.messages.edit(editOf(sent, idAt(time), 'secret')),
      );
      const remove = ({ messages }: Storage) => messages.delete(deletionOf(sent, deletionId));
      if (round % 3 === 0) {
        for (const work of shuffled([...edits, remove])) await work(processes[randomInt(2) === 0 ? 0 : 1]);
      } else {
        await inAnyOrder(processes, [...edits, remove]);
      }
      await assertShown(processes, sent, deleted(sent, deletionId));
      const late = await processes[round % 2 === 0 ? 0 : 1].messages.edit(
        editOf(sent, idAt(NOON + 500 * DAY), 'secret'),
      );
      assert.deepEqual(late, deleted(sent, deletionId), 'an edit returns the deleted message');
      await assertShown(processes, sent, deleted(sent, deletionId));
    }
  },

  'of several deletions the earliest wins, in any order of arrival': async ({ processes }) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const sent = appendRequest(freshUsers(), idAt(NOON), 'secret');
      await processes[0].messages.append(sent);
      const step = [0, 1, MINUTE][round % 3] ?? 0;
      const ids = [0, 1, 2, 3].map((n) => idAt(NOON + SECOND + n * step, n * 100));
      const deletions = ids.map((id) => (storage: Storage) => storage.messages.delete(deletionOf(sent, id)));
      if (round % 2 === 0) await inAnyOrder(processes, deletions);
      else for (const work of shuffled(deletions)) await work(processes[randomInt(2) === 0 ? 0 : 1]);
      await assertShown(processes, sent, deleted(sent, ids[0]!));
    }
  },

  'a repeat of a send brings back neither what was edited nor what was deleted': async ({
    processes: [here, there],
  }) => {
    const users = freshUsers();
    const keyed = appendRequest(users, idAt(NOON), 'secret', freshKey());
    const plain = appendRequest(users, idAt(NOON + 1), 'secret');
    for (const sent of [keyed, plain]) await here.messages.append(sent);
    const repeat = async (sent: AppendRequest, now: Message): Promise<void> => {
      for (const storage of [here, there]) {
        const again = { ...sent, message: { ...sent.message, id: idAt(NOON + DAY) } };
        if (sent.idempotencyKey === null) await storage.messages.append(sent);
        else assert.deepEqual(await storage.messages.append(again), { outcome: 'repeated', message: now });
        await assertShown([here, there], sent, now, await lastOf(here, plain));
      }
    };
    for (const sent of [keyed, plain]) {
      const editId = idAt(NOON + MINUTE);
      await there.messages.edit(editOf(sent, editId, 'Edited'));
      await repeat(sent, edited(sent, editId, 'Edited'));
      const deletionId = idAt(NOON + HOUR);
      await there.messages.delete(deletionOf(sent, deletionId));
      await repeat(sent, deleted(sent, deletionId));
    }
  },

  'an edit and a deletion meet a send that completes late: no list shows the old content at the end': async ({
    processes,
  }) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const sent = lateRequest(freshUsers());
      const changeId = idAt(now());
      const send = ({ messages }: Storage) => messages.append(sent);
      // The first attempt stores the message; its repeats complete it while it is changed.
      if (round % 2 === 0) await send(processes[0]);
      const change = async (storage: Storage): Promise<void> => {
        const request = round % 4 < 2 ? deletionOf(sent, changeId) : editOf(sent, changeId, 'Edited');
        for (let tries = 0; ; tries += 1) {
          const done =
            'deletionId' in request
              ? await storage.messages.delete(request)
              : await storage.messages.edit(request);
          if (done !== null) return;
          assert.ok(tries < 10_000, 'the message arrives');
        }
      };
      await inAnyOrder(processes, [send, send, change, send]);
      const last = round % 4 < 2 ? deleted(sent, changeId) : edited(sent, changeId, 'Edited');
      await assertShown(processes, sent, last);
      await send(processes[1]);
      await assertShown(processes, sent, last);
    }
  },

  'a change of an older message never shows it in place of a newer one, in any order of arrival': async ({
    processes,
  }) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const users = freshUsers();
      const step = [0, 1, MINUTE][round % 3] ?? 0;
      const [first, second] = [0, 1].map((n) =>
        appendRequest(users, idAt(NOON + n * step, n * 500), `No. ${n}`),
      );
      assert.ok(first && second);
      const changeId = idAt(NOON + HOUR);
      await processes[0].messages.append(first);
      const change = ({ messages }: Storage) =>
        round % 2 === 0
          ? messages.edit(editOf(first, changeId, 'Edited'))
          : messages.delete(deletionOf(first, changeId));
      const send = ({ messages }: Storage) => messages.append(second);
      if (round % 4 < 2) await inAnyOrder(processes, [change, send, change]);
      else for (const work of [send, change, send]) await work(processes[randomInt(2) === 0 ? 0 : 1]);
      const changed = round % 2 === 0 ? edited(first, changeId, 'Edited') : deleted(first, changeId);
      await assertShown(processes, first, changed, second.message);
      await assertShown(processes, second, second.message);
    }
  },

  'a change moves no conversation and no read position': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    const older = appendRequest([ben, anna], idAt(NOON), 'older');
    const newer = appendRequest([freshUser(), anna], idAt(NOON + SECOND), 'newer');
    for (const one of [older, newer]) await here.messages.append(one);
    const placesOf = async (userId: UserId) =>
      (await there.conversations.listByUser(userId, top(100))).map(
        ({ conversationId, lastEventId, readUpTo }) => ({ conversationId, lastEventId, readUpTo }),
      );
    const before = [await placesOf(anna), await placesOf(ben)];
    await there.messages.edit(editOf(older, idAt(NOON + MINUTE), 'Edited'));
    assert.deepEqual([await placesOf(anna), await placesOf(ben)], before);
    await here.messages.delete(deletionOf(older, idAt(NOON + HOUR)));
    assert.deepEqual([await placesOf(anna), await placesOf(ben)], before);
  },

  'a change is an event in the log of each participant, and in no other log': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const other = freshUser();
    const sent = appendRequest([anna, ben], idAt(now() - HOUR));
    const { id: messageId, conversationId } = sent.message;
    await here.messages.append(sent);
    const [editId, deletionId] = [idAt(now()), idAt(now() + MILLISECOND)];
    const about = { conversationId, messageId };
    const expected: object[] = [{ id: editId, type: 'message.edited', ...about }];
    await here.messages.edit(editOf(sent, editId, 'Edited'));
    for (const user of [anna, ben]) assert.deepEqual(await changesIn(there, user), expected);
    await there.messages.delete(deletionOf(sent, deletionId));
    expected.push({ id: deletionId, type: 'message.deleted', ...about });
    for (const user of [anna, ben]) {
      assert.deepEqual(await changesIn(here, user), expected);
      const created = (await logOf(here, user)).filter(({ type }) => type === 'message.created');
      assert.deepEqual(
        created.map(({ id }) => id),
        [messageId],
        'the message is reported once',
      );
    }
    assert.deepEqual(await logOf(here, other), []);
    // A repeat of a deletion adds nothing.
    for (const storage of [here, there])
      await storage.messages.delete(deletionOf(sent, idAt(now() + SECOND)));
    for (const user of [anna, ben]) assert.deepEqual(await changesIn(there, user), expected);
  },

  'a change whose event would be late is reported under a new event': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const sent = appendRequest([anna, ben], idAt(now() - 2 * HOUR));
    await here.messages.append(sent);
    await there.messages.edit(editOf(sent, idAt(now() - HOUR), 'Edited'));
    await there.messages.delete(deletionOf(sent, idAt(now() - HOUR + SECOND)));
    for (const user of [anna, ben]) {
      const changes = await changesIn(here, user);
      for (const type of ['message.edited', 'message.deleted'] as const) {
        const last = changes.filter((change) => change.type === type).at(-1);
        assert.ok(last !== undefined && last.id > idAt(now() - MINUTE), type);
      }
    }
  },

  'a change of a message that does not exist shows in no list': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    const nothing = async (users: readonly [UserId, UserId], shown: readonly (LastMessage | null)[]) => {
      const never = appendRequest(users, idAt(now()), 'never arrived');
      const { conversationId, id } = never.message;
      const before = await there.messages.listBefore(conversationId, top(100));
      assert.equal(await here.messages.edit(editOf(never, idAt(now()), 'Edited')), null);
      assert.equal(await here.messages.delete(deletionOf(never, idAt(now()))), null);
      for (const { messages, conversations } of [here, there]) {
        assert.deepEqual(await messages.listBefore(conversationId, top(100)), before);
        assert.deepEqual(await messages.find(conversationId, [id]), []);
        for (const user of users) {
          const inbox = await conversations.listByUser(user, top(100));
          assert.deepEqual(
            inbox.map(({ lastMessage }) => lastMessage),
            shown,
          );
          assert.deepEqual(await changesIn(here, user), []);
        }
      }
    };
    await nothing([anna, ben], []);
    await here.conversations.start(conversationOf([anna, ben], idAt(NOON)));
    await nothing([anna, ben], [null]);
    const sent = appendRequest([ben, anna], idAt(NOON));
    await here.messages.append(sent);
    await nothing([anna, ben], [lastMessageOf(sent.message)]);
  },

  'deleted messages are not unread: not the last one, not those before it, and not late ones': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const sent = Array.from({ length: 5 }, (_, n) =>
      appendRequest([ben, anna], idAt(now() - 2 * HOUR + n * MINUTE)),
    );
    await appendAll([here, there], sent);
    const late = lateRequest([ben, anna]);
    await here.messages.append(late);
    const { conversationId } = late.message;
    const unread = async (storage: Storage): Promise<readonly [number, boolean]> => {
      const [entry] = await storage.conversations.listByUser(anna, top(1));
      assert.equal(entry?.conversationId, conversationId);
      const count = await storage.readPositions.countUnread(anna, entry);
      return [count, isUnread(anna, entry) ?? count > 0];
    };
    assert.deepEqual(await unread(there), [6, true]);
    for (const [n, one] of [sent[1], late, sent[4], sent[0], sent[2], sent[3]].entries()) {
      assert.ok(one);
      await here.messages.delete(deletionOf(one, idAt(now())));
      assert.deepEqual(await unread(there), [5 - n, n < 5], `after ${n + 1} deletions`);
    }
    const next = appendRequest([ben, anna], idAt(now()));
    await there.messages.append({ ...next, isLive: true });
    assert.deepEqual(await unread(here), [1, true]);
    await here.messages.edit(editOf(next, idAt(now()), 'Edited'));
    assert.deepEqual(await unread(there), [1, true], 'an edit changes nothing');
  },

  'unread messages are counted behind hundreds of deleted ones': async ({ processes }) => {
    const [anna, ben] = freshUsers();
    const sent = Array.from({ length: 260 }, (_, n) => appendRequest([ben, anna], idAt(NOON + n * 5 * HOUR)));
    await appendAll(processes, sent);
    const gone = sent.filter((_, n) => n > 250 || (n > 20 && n % 2 === 0));
    await Promise.all(
      gone.map((one, n) =>
        processes[n % 2 === 0 ? 0 : 1].messages.delete(deletionOf(one, idAt(NOON + 90 * DAY))),
      ),
    );
    const [entry] = await processes[1].conversations.listByUser(anna, top(1));
    assert.ok(entry);
    const countFrom = (index: number) =>
      processes[0].readPositions.countUnread(anna, { ...entry, readUpTo: sent[index]!.message.id });
    const left = (index: number) => sent.slice(index + 1).filter((one) => !gone.includes(one)).length;
    for (const index of [258, 250, 240, 100, 60, 21, 0]) {
      assert.equal(await countFrom(index), Math.min(left(index), 100), `above ${index}`);
    }
  },
} satisfies Contract<StorageSubject>;

/** A message as it is stored. */
async function lastOf({ messages }: Storage, { message }: AppendRequest): Promise<Message> {
  const [found] = await messages.find(message.conversationId, [message.id]);
  return found ?? assert.fail('it is stored');
}
