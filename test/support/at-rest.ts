import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { lastMessageOf, participantsOf } from '../../src/domain/conversation.ts';
import type { ConversationId, EventId, IdempotencyKey, Position, UserId } from '../../src/domain/ids.ts';
import type { Message } from '../../src/domain/message.ts';
import { laterPosition } from '../../src/domain/read-position.ts';
import { messageIdAt, microsecondsOf, type Microseconds } from '../../src/domain/time.ts';

/**
 * Random sends (some become visible late, some are repeated, some come from hosts with wrong clocks) with read marks, edits
 * and deletions in between, and the invariants of histories, inboxes, event logs and read positions when nothing is in
 * progress.
 */

/** One send, its repeats, and an optional read mark of the receiver: up to the message, or of all. */
export interface LateSend {
  readonly host: 0 | 1;
  readonly from: number;
  readonly to: number;
  readonly key: number | null;
  /** The age of the id when it is stored, in seconds; above a minute it is late for every storage under test. */
  readonly age: number;
  /** The clock skew of the host in milliseconds. */
  readonly skew: number;
  readonly repeats: number;
  readonly mark: 'message' | 'all' | null;
  /** A change of the message, before and after which the send may be repeated. */
  readonly change: 'edit' | 'delete' | null;
}

const person = fc.nat(3);

export const lateSends: fc.Arbitrary<LateSend[]> = fc.array(
  fc.record({
    host: fc.constantFrom(0 as const, 1 as const),
    from: person,
    to: person,
    key: fc.option(fc.nat(5)),
    age: fc.constantFrom(0, 0, 0, 1, 90, 3_600, 86_400),
    skew: fc.integer({ min: -2_000, max: 2_000 }),
    repeats: fc.constantFrom(0, 0, 1, 3),
    mark: fc.constantFrom(null, null, 'message' as const, 'all' as const),
    change: fc.constantFrom(null, null, 'edit' as const, 'delete' as const),
  }),
  { minLength: 1, maxLength: 30 },
);

/** Above every id. */
const ABOVE_ALL = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as EventId;

const BOTTOM = '00000000-0000-7000-8000-000000000000' as Position;

/** Sends all of `sends` and checks the invariants. */
export async function sendAndCheck(
  hosts: readonly [Storage, Storage],
  sends: readonly LateSend[],
): Promise<void> {
  const run = randomUUID().slice(0, 8);
  const people = Array.from({ length: 4 }, (_, n) => `${run}-${n}` as UserId);
  const acknowledged = new Map<string, Message>();
  /** The position of each user, by conversation: the furthest of what they sent and marked. */
  const positions = new Map<string, EventId>();
  const hasRead = (userId: UserId, id: ConversationId, upTo: EventId): void => {
    const position = laterPosition(positions.get(`${userId} ${id}`) ?? null, upTo);
    positions.set(`${userId} ${id}`, position ?? upTo);
  };
  let serial = 0;
  for (const { host, from, to, key, age, skew, repeats, mark, change } of sends) {
    const [senderId, receiverId] = [people[from] ?? assert.fail(), people[to] ?? assert.fail()];
    const participants = participantsOf(senderId, receiverId);
    const nextId = () => {
      const time = (Date.now() + skew) * 1_000 - age * 1_000_000;
      return messageIdAt(time, (serial += 1) % 1_000, randomUUID().replaceAll('-', '').slice(0, 13));
    };
    const request = (): AppendRequest => ({
      message: {
        id: nextId(),
        conversationId: conversationIdOf(participants),
        senderId,
        receiverId,
        content: key === null ? `No. ${serial}` : `Under ${key} to ${to}`,
        editId: null,
        deletionId: null,
      },
      participants,
      // A key stands for one body.
      idempotencyKey: key === null ? null : (`${run}-${key}-${to}` as IdempotencyKey),
      isLive: true,
    });
    const first = request();
    for (let attempt = 0; attempt <= repeats; attempt += 1) {
      const storage = hosts[attempt % 2 === 0 ? host : 0];
      const again = key === null ? first : request();
      const result = await persist(() => storage.messages.append(again));
      assert.ok(result.outcome !== 'key_reused');
      const { id, conversationId } = result.message;
      // Without a key, the response to a repeat does not contain edits.
      if (key !== null || !acknowledged.has(id)) acknowledged.set(id, result.message);
      hasRead(senderId, conversationId, id);
      if (change !== null && attempt === Math.min(repeats, 1)) {
        const changeId = messageIdAt(Date.now() * 1_000, (serial += 1) % 1_000, '0'.repeat(13));
        const about = { conversationId, messageId: id, participants };
        const changed = await persist(() =>
          change === 'edit'
            ? storage.messages.edit({ ...about, editId: changeId, content: `Edit ${serial}` })
            : storage.messages.delete({ ...about, deletionId: changeId }),
        );
        acknowledged.set(id, changed ?? assert.fail('it is stored'));
      }
      if (mark === null) continue;
      const upTo = mark === 'all' ? ABOVE_ALL : id;
      const position = await persist(() =>
        storage.readPositions.mark({ userId: receiverId, conversationId, upTo }),
      );
      assert.ok(position !== null);
      hasRead(receiverId, conversationId, position);
    }
  }
  for (const storage of hosts) {
    for (const userId of people) await assertAtRest(storage, userId, [...acknowledged.values()], positions);
  }
}

/** Repeats a call after a storage failure. */
async function persist<Result>(write: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof StorageFailure) || tries === 100) throw error;
    }
  }
}

/**
 * The log of a user contains each acknowledged message in time or as a late event; the inbox shows the last event of each
 * conversation; the history contains each message once; and the unread messages are those of others with an event above
 * the furthest position that the user sent or marked.
 */
async function assertAtRest(
  { messages, conversations, events, readPositions }: Storage,
  userId: UserId,
  acknowledged: readonly Message[],
  positions: ReadonlyMap<string, EventId>,
): Promise<void> {
  const own = acknowledged.filter(({ senderId, receiverId }) => [senderId, receiverId].includes(userId));
  const log = await events.listAfter(userId, BOTTOM, 1_000);
  const newest = new Map<string, { id: EventId; messageId: EventId }>();
  const reported = new Set<string>();
  let last: Microseconds = 0;
  for (const event of log) {
    assert.ok(microsecondsOf(event.id) >= last, 'the log is in order');
    last = microsecondsOf(event.id);
    if (event.type !== 'message.created') continue;
    reported.add(event.messageId);
    newest.set(event.conversationId, event);
  }
  assert.deepEqual([...reported].sort(), own.map(({ id }) => id).sort(), 'each message is reported');

  const inbox = await conversations.listByUser(userId, { before: null, offset: 0, limit: 100 });
  assert.deepEqual(
    inbox.map(({ conversationId, lastEventId, lastMessage }) => [
      conversationId,
      lastEventId,
      lastMessage?.messageId,
    ]),
    [...newest]
      .sort(([, a], [, b]) => (a.id > b.id ? -1 : 1))
      .map(([conversationId, { id, messageId }]) => [conversationId, id, messageId]),
    'the inbox shows the last event of each conversation',
  );
  for (const entry of inbox) {
    const { conversationId, readUpTo } = entry;
    const last = acknowledged.find(({ id }) => id === entry.lastMessage?.messageId) ?? assert.fail();
    assert.deepEqual(entry.lastMessage, lastMessageOf(last), 'the last message as it is now');
    assert.equal(readUpTo, positions.get(`${userId} ${conversationId}`) ?? null, 'the furthest position');
    const lateEvents = log.flatMap((event) =>
      event.type === 'message.created' && event.id > (readUpTo ?? BOTTOM) ? [event.messageId] : [],
    );
    const unread = own.filter(
      (message) =>
        message.conversationId === conversationId &&
        message.senderId !== userId &&
        message.deletionId === null &&
        lateEvents.includes(message.id),
    );
    assert.equal(await readPositions.countUnread(userId, entry), unread.length, 'what is unread is counted');
    const history = await messages.listBefore(conversationId, { before: null, offset: 0, limit: 1_000 });
    const expected = own.filter((message) => message.conversationId === conversationId);
    assert.deepEqual(
      history,
      expected.sort((a, b) => (a.id > b.id ? -1 : 1)),
    );
  }
}
