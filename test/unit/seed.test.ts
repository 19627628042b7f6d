import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { withRetry } from '../../scripts/seed/with-retry.ts';
import { messagesIn, writeData } from '../../scripts/seed/write-data.ts';
import { randomOf } from '../../scripts/seed/random.ts';
import { DAY, HOUR, SECOND } from '../../scripts/seed/message-times.ts';
import {
  plannedMessages,
  randomConversations,
  specialConversations,
  type Parameters,
  type ConversationPlan,
} from '../../scripts/seed/conversations.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { makeGetConversation } from '../../src/application/get-conversation.ts';
import { makeGetUser } from '../../src/application/get-user.ts';
import { makeListConversations } from '../../src/application/list-conversations.ts';
import { makeListMessagesBefore } from '../../src/application/list-messages-before.ts';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import { wrapStorage, type Storage } from '../../src/application/ports/storage.ts';
import { withBreakage } from '../contracts/mutants.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { participantsOf, type InboxEntry } from '../../src/domain/conversation.ts';
import type { ConversationId, MessageId, Position, UserId } from '../../src/domain/ids.ts';
import type { Message } from '../../src/domain/message.ts';
import { MAX_PAGE_SIZE, type Page } from '../../src/domain/page.ts';
import { microsecondsOf } from '../../src/domain/time.ts';

const UNTIL = Date.UTC(2026, 0, 31) * 1000;
const USUAL: Parameters = { seed: '1', until: UNTIL, users: 10, conversations: 15, messages: 600 };

/** No id is made here. */
const messageIds = makeMessageIds({ clock: makeClock() });

describe('the data of a seed', () => {
  it('are the same for the same parameters', async () => {
    expect(await contentsOf(await seeded(USUAL), USUAL)).toEqual(
      await contentsOf(await seeded(USUAL), USUAL),
    );
  });

  it('do not change when they are written again', async () => {
    const storage = await seeded(USUAL);
    const before = await contentsOf(storage, USUAL);
    await writeData({ storage, parameters: USUAL, sent: () => undefined });
    expect(await contentsOf(storage, USUAL)).toEqual(before);
  });

  it('differ completely from those of another seed', async () => {
    const other = { ...USUAL, seed: '2' };
    const ids = new Set(await idsIn(await seeded(USUAL), USUAL));
    const common = (await idsIn(await seeded(other), other)).filter((id) => ids.has(id));
    expect(common).toEqual([]);
  });

  it.each([
    ['as usual', USUAL],
    ['with every pair of users', { ...USUAL, users: 5, conversations: 6, messages: 100 }],
    ['with a message in each conversation', { ...USUAL, messages: 15 }],
    ['with much to say in one conversation', { ...USUAL, conversations: 1, messages: 5_000 }],
    ['with many users', { ...USUAL, users: 500, conversations: 300, messages: 1_000 }],
  ])('are as many as were asked for, %s', async (_, parameters) => {
    let sent = 0;
    const storage = memoryStorage();
    await writeData({ storage, parameters, sent: () => (sent += 1) });
    const { users, conversations } = await contentsOf(storage, parameters);
    const messages = conversations.flatMap((conversation) => conversation.messages);

    expect(users).toHaveLength(parameters.users);
    expect(conversations).toHaveLength(parameters.conversations + 5 + 1);
    expect(messages).toHaveLength(parameters.messages + 65 + 75 + 1 + 6 + 40);
    expect(sent).toBe(messages.length);
    expect(messagesIn(parameters)).toBe(messages.length);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
    expect(conversations.filter((conversation) => conversation.messages.length === 0)).toHaveLength(1);
  });

  it('name each user', async () => {
    const getUser = makeGetUser(await seeded(USUAL));
    expect((await getUser({ userId: '1' as UserId })).username).toBe('Ada Okafor');
    const { createdAt } = await getUser({ userId: '10' as UserId });
    expect(createdAt).toBe(UNTIL - 730 * DAY - SECOND);
  });

  it('have the times at which they were sent', async () => {
    const storage = await seeded(USUAL);
    for (const plan of [...Object.values(specialConversations(USUAL)), ...randomConversations(USUAL)]) {
      const times = (await historyOf(storage, plan)).map(({ id }) => microsecondsOf(id)).reverse();
      expect(times).toEqual([...plannedMessages(plan, USUAL)].map(({ time }) => time));
    }
  });
});

describe('a special conversation', () => {
  const special = specialConversations(USUAL);

  it('is longer than a page', async () => {
    const storage = await seeded(USUAL);
    const listMessagesBefore = makeListMessagesBefore({ ...storage, messageIds });
    const page = await listMessagesBefore({
      caller: SERVICE,
      conversationId: idOf(special.paged),
      before: null,
      limit: 20,
      page: 1,
    });
    expect(page.items).toHaveLength(20);
    expect(page.next).not.toBeNull();
    expect(await historyOf(storage, special.paged)).toHaveLength(65);
  });

  it('has a few messages in each of many buckets', async () => {
    const history = await historyOf(await seeded(USUAL), special.old);
    const perBucket = new Map<number, number>();
    for (const { id } of history) {
      const bucket = Math.floor(microsecondsOf(id) / (30 * DAY));
      perBucket.set(bucket, (perBucket.get(bucket) ?? 0) + 1);
    }
    expect(perBucket.size).toBeGreaterThanOrEqual(20);
    expect(Math.max(...perBucket.values())).toBeLessThanOrEqual(9);
    const oldest = Math.min(...history.map(({ id }) => microsecondsOf(id)));
    expect(oldest).toBeLessThan(UNTIL - 650 * DAY);
  });

  it('has a single message that is longer than its preview', async () => {
    const storage = await seeded(USUAL);
    const [message, ...others] = await historyOf(storage, special.single);
    expect(others).toEqual([]);
    const entry = await entryOf(storage, special.single);
    expect(message?.content?.startsWith(entry?.lastMessage?.preview ?? '-')).toBe(true);
    expect(message?.content).not.toBe(entry?.lastMessage?.preview);
  });

  it('is empty, and in both inboxes', async () => {
    const storage = await seeded(USUAL);
    const conversationId = idOf(special.empty);
    const { conversation, lastMessage } = await makeGetConversation({ ...storage, messageIds })({
      caller: SERVICE,
      conversationId,
    });
    expect(lastMessage).toBeNull();
    expect(microsecondsOf(conversation.created)).toBe(special.empty.startedAt);
    expect(await entryOf(storage, special.empty)).toMatchObject({
      lastMessage: null,
      lastEventId: conversation.created,
    });
    expect(await entryOf(storage, special.empty, '5' as UserId)).toMatchObject({ lastMessage: null });
  });

  it('is a conversation with oneself', async () => {
    const storage = await seeded(USUAL);
    const history = await historyOf(storage, special.notes);
    expect(history).toHaveLength(6);
    expect(new Set(history.map(({ content }) => content)).size).toBe(6);
    expect(history.every(({ senderId, receiverId }) => senderId === '1' && receiverId === '1')).toBe(true);
    expect((await entryOf(storage, special.notes))?.participants).toEqual(['1']);
  });

  it('is a group of four with a name', async () => {
    const storage = await seeded(USUAL);
    const inbox = await storage.conversations.listByUser('3' as UserId, {
      before: null,
      offset: 0,
      limit: 100,
    });
    const group = inbox.find(({ membership }) => membership !== undefined);
    const { conversationId } = group ?? expect.fail();
    expect(await storage.groups.find(conversationId)).toMatchObject({
      name: 'Lunch on Fridays',
      creatorId: '1',
    });
    expect(await storage.groups.listMembersAt(conversationId, group?.lastEventId ?? expect.fail())).toEqual([
      '1',
      '2',
      '3',
      '4',
    ]);
  });

  it('has an edited and a deleted message', async () => {
    const history = await historyOf(await seeded(USUAL), special.notes);
    const edited = history.filter(({ editId }) => editId !== null);
    expect(edited.map(({ content }) => content)).toEqual([special.notes.changes?.content]);
    expect(history.filter(({ deletionId }) => deletionId !== null)).toEqual([history.at(-1)]);
  });
});

describe('the content', () => {
  const parameters: Parameters = { ...USUAL, users: 40, conversations: 200, messages: 8_000 };
  const histories = [...randomConversations(parameters)].map((plan) => [
    ...plannedMessages(plan, parameters),
  ]);
  const messages = histories.flat();

  it('is from the last four weeks', () => {
    for (const { time } of messages) {
      expect(time).toBeGreaterThanOrEqual(UNTIL - 28 * DAY);
      expect(time).toBeLessThan(UNTIL);
    }
  });

  it('is dense by day and sparse by night', () => {
    const perHour = new Array<number>(24).fill(0);
    for (const { time } of messages) {
      const hour = Math.floor((time % DAY) / HOUR);
      perHour[hour] = (perHour[hour] ?? 0) + 1;
    }
    const night = Math.max(...perHour.slice(1, 6));
    const day = Math.min(...perHour.slice(8, 23));
    expect(day).toBeGreaterThan(4 * night);
  });

  it('has replies within minutes and pauses of days', () => {
    const pauses = histories.flatMap((history) =>
      history.slice(1).map(({ time }, index) => time - (history[index]?.time ?? 0)),
    );
    const share = (holds: (pause: number) => boolean): number => pauses.filter(holds).length / pauses.length;
    expect(share((pause) => pause < 0)).toBe(0);
    expect(share((pause) => pause < 6 * 60 * SECOND)).toBeGreaterThan(0.75);
    expect(share((pause) => pause < 5 * SECOND)).toBeLessThan(0.05);
    expect(share((pause) => pause > 3 * HOUR)).toBeGreaterThan(0.1);
  });

  it('alternates between both users', () => {
    const turns = histories.flatMap((history) =>
      history.slice(1).map(({ senderId }, index) => senderId !== history[index]?.senderId),
    );
    const share = turns.filter(Boolean).length / turns.length;
    expect(share).toBeGreaterThan(0.6);
    expect(share).toBeLessThan(0.8);
  });

  it('has several scripts and emoji', () => {
    const all = messages.map(({ content }) => content).join('');
    for (const script of ['Latin', 'Cyrillic', 'Arabic', 'Devanagari', 'Hiragana', 'Han', 'Hangul']) {
      expect(all).toMatch(new RegExp(`\\p{Script=${script}}`, 'u'));
    }
    expect(all).toMatch(/\p{Extended_Pictographic}\u200d/u);
  });

  it('is in order and before the end even in a very short period', () => {
    const crowded: Parameters = { ...USUAL, conversations: 1, messages: 300_000 };
    let before = 0;
    for (const plan of randomConversations(crowded)) {
      for (const { time } of plannedMessages(plan, crowded)) {
        if (time < before || time >= UNTIL) expect.fail(`${time} after ${before}`);
        before = time;
      }
    }
    expect(before).toBeGreaterThan(UNTIL - DAY);
  });
});

describe('writing', () => {
  it('keeps the order within a conversation, with a bounded number of conversations in progress', async () => {
    const inProgress = new Set<ConversationId>();
    const newest = new Map<ConversationId, MessageId>();
    let most = 0;
    const storage = appendingBy(memoryStorage(), async (append, appendRequest) => {
      const { conversationId, id } = appendRequest.message;
      expect(inProgress).not.toContain(conversationId);
      expect(id > (newest.get(conversationId) ?? '')).toBe(true);
      newest.set(conversationId, id);
      inProgress.add(conversationId);
      most = Math.max(most, inProgress.size);
      await turn();
      inProgress.delete(conversationId);
      return append(appendRequest);
    });
    await writeData({
      storage,
      parameters: { ...USUAL, users: 40, conversations: 100, messages: 1_000 },
      sent: () => undefined,
    });
    expect(most).toBe(32);
  });

  it('rejects with the storage failure after all work in progress has ended; a repeat completes it', async () => {
    const memory = memoryStorage();
    let appends = 0;
    let inProgress = 0;
    const failing = appendingBy(memory, async (append, appendRequest) => {
      appends += 1;
      inProgress += 1;
      const fails = appends === 300;
      await turn();
      if (!fails) await turn();
      inProgress -= 1;
      if (fails) throw new StorageFailure('unavailable');
      return append(appendRequest);
    });
    await expect(writeData({ storage: failing, parameters: USUAL, sent: () => undefined })).rejects.toThrow(
      StorageFailure,
    );
    expect(inProgress).toBe(0);
    expect(appends).toBeLessThan(300 + 32);

    await writeData({ storage: memory, parameters: USUAL, sent: () => undefined });
    expect(await contentsOf(memory, USUAL)).toEqual(await contentsOf(await seeded(USUAL), USUAL));
  });

  it('generates data lazily', async () => {
    const endless: Parameters = { ...USUAL, messages: 1_000_000_000 };
    let appends = 0;
    const storage = appendingBy(memoryStorage(), (append, appendRequest) => {
      appends += 1;
      if (appends >= 2_000) throw new StorageFailure('unavailable');
      return append(appendRequest);
    });
    await expect(writeData({ storage, parameters: endless, sent: () => undefined })).rejects.toThrow(
      StorageFailure,
    );
    expect(appends).toBeLessThan(2_000 + 32);
  });
});

describe('storage with retries', () => {
  /** Memory storage whose operations each fail `failures` times before the first success. */
  function unreliable(
    failures: number,
    made: () => Error = () => new StorageFailure('outcome_unknown'),
  ): Storage {
    const memory = memoryStorage();
    const failed = new Map<string, number>();
    return wrapStorage(memory, (method, name) => (...given) => {
      const call = `${name} ${JSON.stringify(given)}`;
      const times = failed.get(call) ?? 0;
      failed.set(call, times + 1);
      return times < failures ? Promise.reject(made()) : method(...given);
    });
  }

  it('retries failures of every storage operation, without effects on the data', async () => {
    const pauses = new Set<number>();
    const storage = withRetry(unreliable(6), async (milliseconds) => pauses.add(milliseconds));
    await writeData({ storage, parameters: USUAL, sent: () => undefined });
    expect(await contentsOf(storage, USUAL)).toEqual(await contentsOf(await seeded(USUAL), USUAL));
    expect([...pauses]).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000]);
  });

  it('gives up in the end', async () => {
    const storage = withRetry(unreliable(7), async () => undefined);
    await expect(writeData({ storage, parameters: USUAL, sent: () => undefined })).rejects.toThrow(
      StorageFailure,
    );
  });

  it('retries only storage failures', async () => {
    const mistake = new TypeError('not a function');
    const storage = withRetry(
      unreliable(1, () => mistake),
      async () => expect.fail('waited'),
    );
    await expect(writeData({ storage, parameters: USUAL, sent: () => undefined })).rejects.toBe(mistake);
  });
});

describe('chance', () => {
  it('is sfc32, seeded with the hash of its names', () => {
    // Computed independently, from PractRand's definition.
    const random = randomOf('golden', 7);
    const drawn = Array.from({ length: 1_000 }, () => random() * 2 ** 32);
    expect([...drawn.slice(0, 3), drawn[999]]).toEqual([121445353, 1323291592, 3456944796, 3154110656]);
  });
});

async function seeded(parameters: Parameters): Promise<Storage> {
  const storage = memoryStorage();
  await writeData({ storage, parameters, sent: () => undefined });
  return storage;
}

type Append = Storage['messages']['append'];

/** `storage` with another `append`. */
function appendingBy(
  storage: Storage,
  by: (append: Append, appendRequest: AppendRequest) => ReturnType<Append>,
): Storage {
  const { messages } = storage;
  return withBreakage(storage, {
    messages: { append: async (request) => by((kept) => messages.append(kept), request) },
  });
}

/** All data that the users of `parameters` can see. */
async function contentsOf(storage: Storage, { users: count }: Parameters) {
  const userIds = Array.from({ length: count }, (_, index) => (index + 1).toString() as UserId);
  const users = await Promise.all(userIds.map((userId) => makeGetUser(storage)({ userId })));
  const inboxes = await Promise.all(userIds.map((userId) => inboxOf(storage, userId)));
  const ids = [...new Set(inboxes.flat().map(({ conversationId }) => conversationId))].sort();
  const conversations = await Promise.all(
    ids.map(async (id) => ({
      ...(await makeGetConversation({ ...storage, messageIds })({ caller: SERVICE, conversationId: id })),
      messages: await messagesOf(storage, id),
    })),
  );
  return { users, inboxes, conversations };
}

async function idsIn(storage: Storage, parameters: Parameters): Promise<MessageId[]> {
  const { conversations } = await contentsOf(storage, parameters);
  return conversations.flatMap(({ messages }) => messages.map(({ id }) => id));
}

function idOf({ participantIds }: ConversationPlan): ConversationId {
  return conversationIdOf(participantsOf(...participantIds));
}

/** The messages of `plan`, newest first. */
function historyOf(storage: Storage, plan: ConversationPlan): Promise<Message[]> {
  return messagesOf(storage, idOf(plan));
}

function messagesOf(storage: Storage, conversationId: ConversationId): Promise<Message[]> {
  const list = makeListMessagesBefore({ ...storage, messageIds });
  return joined((before) => list({ caller: SERVICE, conversationId, before, limit: MAX_PAGE_SIZE, page: 1 }));
}

function inboxOf(storage: Storage, userId: UserId): Promise<InboxEntry[]> {
  const list = makeListConversations({ ...storage, messageIds });
  return joined((before) => list({ caller: SERVICE, userId, before, limit: MAX_PAGE_SIZE, page: 1 }));
}

async function entryOf(
  storage: Storage,
  plan: ConversationPlan,
  userId = '1' as UserId,
): Promise<InboxEntry | undefined> {
  const inbox = await inboxOf(storage, userId);
  return inbox.find(({ conversationId }) => conversationId === idOf(plan));
}

async function joined<Item>(pageBelow: (before: Position | null) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  let before: Position | null = null;
  do {
    const page: Page<Item> = await pageBelow(before);
    items.push(...page.items);
    before = page.next;
  } while (before !== null);
  return items;
}
