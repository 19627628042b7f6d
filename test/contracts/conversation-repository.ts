import assert from 'node:assert/strict';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { InboxEntry } from '../../src/domain/conversation.ts';
import type { MessageId, UserId } from '../../src/domain/ids.ts';
import { MAX_PREVIEW_LENGTH } from '../../src/domain/message.ts';
import type { Microseconds } from '../../src/domain/time.ts';
import {
  appendAll,
  forEachConcurrently,
  conversationOf,
  DAY,
  emptyRowOf,
  freshUser,
  freshUsers,
  HOUR,
  idAt,
  inboxSlice,
  checkWhile,
  MINUTE,
  NOON,
  positionOf,
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

const PAGE_SIZES = [1, 7, 20, 100];

/** A message to `owner` from a new user, at each of `times`. */
function fromNewUsers(owner: UserId, times: readonly Microseconds[]): AppendRequest[] {
  return times.map((time, n) => appendRequest([freshUser(), owner], idAt(time), `No. ${n}`));
}

/** `count` times, `every` apart, the last one at `until`. */
function series(count: number, every: Microseconds, until: Microseconds): Microseconds[] {
  return Array.from({ length: count }, (_, n) => until - n * every);
}

/** The expected inbox after `appendRequests`, each in a different conversation. */
function inboxOf(appendRequests: readonly AppendRequest[]): InboxEntry[] {
  return newestFirst(appendRequests.map(rowOf), positionOf);
}

function logFieldsOf(inbox: readonly InboxEntry[]): string[] {
  return inbox.map((entry) => `${entry.conversationId} at ${positionOf(entry)}`);
}

function walkInbox(
  { conversations }: Storage,
  owner: UserId,
  size: number,
  between?: (page: readonly InboxEntry[]) => Promise<void>,
): Promise<InboxEntry[]> {
  return walk((slice) => inboxSlice(conversations, owner, slice), positionOf, size, between);
}

export const conversationRepositoryContract = {
  'a conversation without a start or a message is not found': async ({ processes: [here] }) => {
    const [anna, ben] = freshUsers();
    await here.conversations.start(conversationOf([anna, freshUser()], idAt(NOON)));
    assert.equal(await here.conversations.find(conversationIdFor(anna, ben)), null);
  },

  'a conversation is found by every process once it is started or its first message is appended': async ({
    processes: [here, there],
  }) => {
    for (let n = 0; n < 8; n += 1) {
      const [anna, ben] = freshUsers();
      const conversation = conversationOf(n % 3 === 0 ? [anna] : [ben, anna], idAt(NOON + n));
      const began = appendRequest([anna, n % 3 === 0 ? anna : ben], conversation.created as MessageId);
      await (n % 2 === 0 ? here.conversations.start(conversation) : here.messages.append(began));
      assert.deepEqual(await there.conversations.find(conversation.id), conversation);
      assert.deepEqual(await here.conversations.find(conversation.id), conversation);
    }
  },

  'a conversation is in the inbox of each participant as soon as it exists, and in no other inbox': async ({
    processes: [here, there],
  }) => {
    for (let n = 0; n < 6; n += 1) {
      const [anna, ben] = freshUsers();
      const conversation = conversationOf(n % 3 === 0 ? [anna] : [ben, anna], idAt(NOON + n));
      const { id, participants } = conversation;
      // A user with an inbox and a user without.
      const [carl, dora] = freshUsers();
      await there.messages.append(appendRequest([carl, anna], idAt(NOON + n)));
      for (const user of [...participants, carl, dora]) {
        assert.equal(await here.conversations.isInInbox(user, id), false, 'before it began');
      }
      const began = appendRequest([anna, n % 3 === 0 ? anna : ben], conversation.created as MessageId);
      await (n % 2 === 0 ? here.conversations.start(conversation) : here.messages.append(began));
      for (const storage of [there, here]) {
        for (const user of participants) assert.equal(await storage.conversations.isInInbox(user, id), true);
        for (const user of [carl, dora]) assert.equal(await storage.conversations.isInInbox(user, id), false);
      }
    }
  },

  'the creation time of a conversation is that of its earliest start or message, in any order of arrival':
    async ({ processes }) => {
      const check = async (_: unknown, round: number): Promise<void> => {
        const users = freshUsers();
        const earliest = idAt(NOON, 1);
        const later = [1, 60, DAY, 31 * DAY, 62 * DAY].map((offset) => idAt(NOON + offset));
        const ids = [earliest, idAt(NOON, 2), idAt(NOON, 999), ...later];
        for (const [n, id] of shuffled(ids).entries()) {
          const { messages, conversations } = processes[n % 2 === 0 ? 0 : 1];
          const isStart = (ids.indexOf(id) + round) % 2 === 0;
          await (isStart
            ? conversations.start(conversationOf(users, id))
            : messages.append(appendRequest(users, id)));
        }
        assert.equal((await processes[0].conversations.find(conversationIdFor(...users)))?.created, earliest);
      };
      await forEachConcurrently(Array.from({ length: 20 }), check);
    },

  'two concurrent first messages create one conversation': async ({ processes: [here, there] }) => {
    for (let n = 0; n < 10; n += 1) {
      const [anna, ben] = freshUsers();
      const to = appendRequest([anna, ben], idAt(NOON));
      const fro = appendRequest([ben, anna], idAt(NOON));
      await Promise.all([here.messages.append(to), there.messages.append(fro)]);
      const [newer] = inboxOf([to, fro]);
      for (const user of [anna, ben]) {
        assert.deepEqual(await inboxSlice(here.conversations, user, top(100)), [newer]);
      }
      const found = await there.messages.listBefore(conversationIdFor(ben, anna), top(100));
      assert.equal(found.length, 2);
    }
  },

  'a conversation without messages is in the inbox at its creation time': async ({
    processes: [here, there],
  }) => {
    const anna = freshUser();
    const sent = fromNewUsers(anna, series(9, MINUTE, NOON));
    await appendAll([here, there], sent);
    const ben = freshUser();
    const started = conversationOf([anna, ben], idAt(NOON - 4 * MINUTE - SECOND));
    await here.conversations.start(started);
    const expected = newestFirst([...sent.map(rowOf), emptyRowOf(started)], positionOf);
    assert.equal(positionOf(expected[5] ?? emptyRowOf(started)), started.created);
    assert.deepEqual(await inboxSlice(there.conversations, anna, top(100)), expected);
    assert.deepEqual(await inboxSlice(there.conversations, ben, top(100)), [emptyRowOf(started)]);
    for (const size of [1, 2, 5, 6]) assert.deepEqual(await walkInbox(here, anna, size), expected);
  },

  'a conversation that is started repeatedly is one row, at its earliest start': async ({ processes }) => {
    const [anna, ben] = freshUsers();
    const beside = fromNewUsers(anna, series(5, DAY, NOON));
    await appendAll(processes, beside);
    const later = series(11, 7 * HOUR, NOON).map((time) => conversationOf([anna, ben], idAt(time)));
    const earliest = conversationOf([anna, ben], idAt(NOON - 90 * HOUR, 7));
    const nearly = conversationOf([anna, ben], idAt(NOON - 90 * HOUR, 8));
    // The earliest start is neither the first nor the last call.
    await forEachConcurrently([...later, nearly, earliest, nearly, ...later.slice(0, 6)], (start, n) =>
      processes[n % 2 === 0 ? 0 : 1].conversations.start(start),
    );
    const expected = newestFirst([...beside.map(rowOf), emptyRowOf(earliest)], positionOf);
    assert.deepEqual(await inboxSlice(processes[0].conversations, anna, top(100)), expected);
    assert.deepEqual(await inboxSlice(processes[1].conversations, ben, top(100)), [emptyRowOf(earliest)]);
  },

  'a start does not move a conversation with messages': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    const sent = appendRequest([ben, anna], idAt(NOON));
    const others = fromNewUsers(anna, [NOON - HOUR, NOON + HOUR]);
    await appendAll([here, there], [sent, ...others]);
    for (const time of [NOON + DAY, NOON + SECOND, NOON - 1, NOON - DAY, NOON - 90 * DAY]) {
      await here.conversations.start(conversationOf([anna, ben], idAt(time)));
      assert.deepEqual(await inboxSlice(there.conversations, anna, top(100)), inboxOf([sent, ...others]));
    }
  },

  'a conversation is at the position of its message, even if the start is later': async ({
    processes: [here, there],
  }) => {
    const anna = freshUser();
    const others = fromNewUsers(anna, series(5, 10 * DAY, NOON));
    await appendAll([here, there], others);
    for (const offset of [DAY, -SECOND, -5 * DAY, -45 * DAY]) {
      const ben = freshUser();
      const sent = appendRequest([ben, anna], idAt(NOON + offset));
      await here.conversations.start(conversationOf([anna, ben], idAt(NOON + SECOND)));
      await there.messages.append(sent);
      others.push(sent);
      assert.deepEqual(await inboxSlice(here.conversations, anna, top(100)), inboxOf(others));
    }
  },

  'an inbox has one row per conversation, newest message first, in any order of arrival': async ({
    processes,
  }) => {
    const anna = freshUser();
    const friends = Array.from({ length: 12 }, freshUser);
    const spans = [MINUTE, HOUR, DAY, 30 * DAY];
    const talks = friends.map((friend, n) =>
      series(25, (spans[n % spans.length] ?? DAY) / 25, NOON - n * MINUTE).map((time, m) =>
        appendRequest(m % 2 === 0 ? [friend, anna] : [anna, friend], idAt(time), `${n}, ${m}`),
      ),
    );
    await appendAll(processes, shuffled([...talks.flat(), ...talks.flat().slice(0, 30)]));
    const heads = talks.map((talk) => talk[0] ?? assert.fail());
    assert.deepEqual(await inboxSlice(processes[0].conversations, anna, top(100)), inboxOf(heads));
    for (const [n, friend] of friends.entries()) {
      const row = rowOf(heads[n] ?? assert.fail());
      assert.deepEqual(await inboxSlice(processes[1].conversations, friend, top(100)), [row]);
    }
  },

  'of two messages in one microsecond, the one with the larger id is shown, without mixed cells': async ({
    processes,
  }) => {
    const anna = freshUser();
    const check = async (_: unknown, n: number): Promise<void> => {
      const ben = freshUser();
      const [low, high] = [idAt(NOON + n, 500), idAt(NOON + n, 500)].sort() as [MessageId, MessageId];
      // The contents sort opposite to the ids, so that a merge per cell would mix the two.
      const smaller = appendRequest([ben, anna], low, 'Z');
      const larger = appendRequest([anna, ben], high, 'A');
      await appendAll(processes, n % 2 === 0 ? [smaller, larger] : [larger, smaller]);
      for (const { conversations } of processes) {
        assert.deepEqual(await inboxSlice(conversations, ben, top(100)), [rowOf(larger)]);
      }
    };
    await forEachConcurrently(Array.from({ length: 30 }), check);
  },

  'an inbox shows the start of the newest message, byte for byte': async ({ processes: [here, there] }) => {
    const [anna, ben] = freshUsers();
    const family = '👩‍👩‍👧‍👦';
    for (const [n, text] of [
      'e\u0301 \u00e9 \u202e \u0001 \ufeff ',
      'x'.repeat(MAX_PREVIEW_LENGTH + 1),
      `${'é'.repeat(MAX_PREVIEW_LENGTH - 3)}${family}`,
      family.repeat(500),
      '𝒳'.repeat(5_000),
    ].entries()) {
      const sent = appendRequest([anna, ben], idAt(NOON + n), text);
      await here.messages.append(sent);
      assert.deepEqual(await inboxSlice(there.conversations, ben, top(1)), [rowOf(sent)]);
    }
  },

  'a conversation with oneself is one row': async ({ processes: [here, there] }) => {
    const anna = freshUser();
    const started = conversationOf([anna, anna], idAt(NOON - MINUTE));
    await here.conversations.start(started);
    assert.deepEqual(await inboxSlice(there.conversations, anna, top(100)), [emptyRowOf(started)]);
    const note = appendRequest([anna, anna], idAt(NOON));
    await here.messages.append(note);
    assert.deepEqual(await inboxSlice(there.conversations, anna, top(100)), [rowOf(note)]);
  },

  'an inbox shows only the conversations of its owner, and is empty for a user without messages': async ({
    processes: [here, there],
  }) => {
    const [anna, ben] = freshUsers();
    const [carla, dora] = freshUsers();
    const sent = appendRequest([anna, ben], idAt(NOON));
    const other = appendRequest([anna, carla], idAt(NOON + 1));
    await appendAll([here, there], [sent, other]);
    assert.deepEqual(await inboxSlice(here.conversations, ben, top(100)), [rowOf(sent)]);
    assert.deepEqual(await inboxSlice(here.conversations, carla, top(100)), [rowOf(other)]);
    assert.deepEqual(await inboxSlice(here.conversations, dora, top(100)), []);
  },

  'pages of any size together are the whole inbox, even if conversations share a microsecond': async ({
    processes,
  }) => {
    const anna = freshUser();
    const offsets = [0, 0, 0, 1, 2, 999, 1_000, SECOND, SECOND, MINUTE, HOUR, DAY, 31 * DAY, 400 * DAY];
    const sent = fromNewUsers(
      anna,
      offsets.map((offset) => NOON - offset),
    );
    const started = offsets.map((offset) => conversationOf([anna, freshUser()], idAt(NOON - offset)));
    await appendAll(processes, sent);
    await forEachConcurrently(started, (start) => processes[0].conversations.start(start));
    const expected = newestFirst([...sent.map(rowOf), ...started.map(emptyRowOf)], positionOf);
    await forEachConcurrently([...expected.keys(), expected.length], async (n) => {
      const found = await walkInbox(processes[n % 2 === 0 ? 0 : 1], anna, n + 1);
      assert.deepEqual(found, expected, `pages of ${n + 1}`);
    });
  },

  'a slice skips `offset` rows below its bound': async ({ processes }) => {
    const anna = freshUser();
    const sent = fromNewUsers(anna, series(30, 9 * HOUR, NOON));
    await appendAll(processes, sent);
    const all = inboxOf(sent);
    for (const [index, bound] of [undefined, all[0], all[11], all[29]].entries()) {
      const below = bound === undefined ? all : all.slice(all.indexOf(bound) + 1);
      for (const offset of [0, 1, 7, 17, 18, 29, 30, 2_000]) {
        const slice = { before: bound === undefined ? null : positionOf(bound), offset, limit: 5 };
        const found = await inboxSlice(processes[0].conversations, anna, slice);
        assert.deepEqual(found, below.slice(offset, offset + 5), `bound ${index}, offset ${offset}`);
      }
    }
  },

  'inbox pages are exact for any distribution of conversations over time': async ({ processes }) => {
    const spreads = [
      series(280, 30_000, NOON), // within ten seconds
      series(60, 9 * SECOND, NOON), // within ten minutes
      series(60, 11 * MINUTE, NOON), // within half a day
      series(60, 11 * HOUR, NOON), // within a month
      series(40, 90 * DAY, NOON), // within ten years
      [
        ...series(60, 10_000, NOON),
        ...series(20, 50 * DAY, NOON - DAY),
        ...series(60, 10_000, NOON - 3_000 * DAY),
      ],
    ];
    await forEachConcurrently(spreads, async (times) => {
      const owner = freshUser();
      const sent = fromNewUsers(owner, times);
      await forEachConcurrently(
        shuffled(sent),
        (one, n) => processes[n % 2 === 0 ? 0 : 1].messages.append(one),
        8,
      );
      const expected = logFieldsOf(inboxOf(sent));
      for (const size of PAGE_SIZES) {
        if (size === 1 && times.length > 100) continue;
        assert.deepEqual(
          logFieldsOf(await walkInbox(processes[0], owner, size)),
          expected,
          `pages of ${size}`,
        );
      }
    });
  },

  'a conversation that moved thousands of times hides no quiet conversation below': async ({ processes }) => {
    const [anna, ben] = freshUsers();
    const moves = [...series(1_200, 7 * MINUTE, NOON), ...series(900, SECOND / 10, NOON + HOUR)].map((time) =>
      appendRequest([ben, anna], idAt(time)),
    );
    const last = appendRequest([anna, ben], idAt(NOON + 2 * HOUR));
    const quiet = fromNewUsers(anna, series(30, 11 * HOUR, NOON - 8 * DAY));
    await appendAll(processes, [...quiet, ...moves, last]);
    const expected = logFieldsOf(inboxOf([last, ...quiet]));
    for (const size of PAGE_SIZES) {
      assert.deepEqual(logFieldsOf(await walkInbox(processes[0], anna, size)), expected, `pages of ${size}`);
    }
  },

  'a conversation that moves between two pages is not repeated, hides no other, and is on top of the next read':
    async ({ processes: [here, there] }) => {
      for (const size of [1, 3, 10]) {
        const anna = freshUser();
        const sent = fromNewUsers(anna, series(30, 5 * HOUR, NOON));
        await appendAll([here, there], sent);
        const all = inboxOf(sent);
        const moved = new Map<string, AppendRequest>();
        let tick = NOON;
        const move = async ({ conversationId, participants }: InboxEntry): Promise<void> => {
          const friend = participants.find((participant) => participant !== anna) ?? anna;
          const again = appendRequest([friend, anna], idAt((tick += SECOND)));
          await there.messages.append(again);
          moved.set(conversationId, again);
        };
        const seen = await walkInbox(here, anna, size, async (page) => {
          // The last row shown, whose position is the cursor, and a row of a later page.
          const shown = page.at(-1) ?? assert.fail();
          const place = all.findIndex(({ conversationId }) => conversationId === shown.conversationId);
          const coming = all[place + size + 2];
          await move(shown);
          if (coming !== undefined) await move(coming);
        });
        assert.equal(new Set(logFieldsOf(seen)).size, seen.length);
        const resting = all.filter(({ conversationId }) => !moved.has(conversationId));
        const seenNames = new Set(logFieldsOf(seen));
        assert.deepEqual(
          logFieldsOf(seen),
          logFieldsOf(all.filter((entry) => seenNames.has(logFieldsOf([entry])[0] ?? ''))),
        );
        for (const name of logFieldsOf(resting)) assert.ok(seenNames.has(name), name);
        const next = await inboxSlice(here.conversations, anna, top(100));
        assert.deepEqual(next, [...inboxOf([...moved.values()]), ...resting]);
      }
    },

  'while conversations move, pages repeat none and contain all that do not move': async ({ processes }) => {
    const anna = freshUser();
    const friends = Array.from({ length: 6 }, freshUser);
    const resting = fromNewUsers(anna, series(40, 8 * HOUR, NOON));
    const begun = friends.map((friend, n) => appendRequest([friend, anna], idAt(NOON - n * 2 * DAY - HOUR)));
    await appendAll(processes, [...resting, ...begun]);
    const moves = Array.from({ length: 300 }, (_, n) =>
      appendRequest([friends[n % 6] ?? anna, anna], idAt(NOON + n * SECOND)),
    );
    const quiet = new Set(logFieldsOf(inboxOf(resting)));
    let round = 0;
    await checkWhile(appendAll(processes, moves, 4), async () => {
      const size = [3, 10, 20][round++ % 3] ?? 3;
      const seen = await walkInbox(processes[round % 2 === 0 ? 0 : 1], anna, size);
      const talks = seen.map(({ conversationId }) => conversationId);
      assert.equal(new Set(talks).size, talks.length, 'none is repeated');
      assert.deepEqual(
        logFieldsOf(seen).filter((name) => quiet.has(name)),
        [...quiet],
      );
    });
  },

  'a first page is complete while conversations move during the read': async ({ processes }) => {
    const anna = freshUser();
    const friends = Array.from({ length: 5 }, freshUser);
    const resting = fromNewUsers(anna, series(20, 3 * HOUR, NOON));
    const begun = friends.map((friend) => appendRequest([friend, anna], idAt(NOON + 1)));
    await appendAll(processes, [...resting, ...begun]);
    const moving = new Set(inboxOf(begun).map(({ conversationId }) => conversationId));
    const moves = Array.from({ length: 400 }, (_, n) =>
      appendRequest([friends[n % 5] ?? anna, anna], idAt(NOON + SECOND + n * 5 * MINUTE)),
    );
    await checkWhile(appendAll(processes, moves, 4), async () => {
      const page = await inboxSlice(processes[0].conversations, anna, top(7));
      const onTop = page.slice(0, 5).map(({ conversationId }) => conversationId);
      assert.deepEqual(new Set(onTop), moving);
      assert.deepEqual(logFieldsOf(page.slice(5)), logFieldsOf(inboxOf(resting).slice(0, 2)));
    });
  },
} satisfies Contract<StorageSubject>;
