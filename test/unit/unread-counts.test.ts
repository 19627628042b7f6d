import { expect, test } from 'vitest';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { Overload } from '../../src/application/overload.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { freshUser, now } from '../contracts/fixtures.ts';
import { withBreakage } from '../contracts/mutants.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { useCasesOver } from '../support/use-cases.ts';

/** A user with `unread` unread conversations, whose counts are recorded. The one with the number `failing` fails. */
async function reading(failing = Infinity, unread = 30) {
  const correct = memoryStorage();
  const clock = { now, latest: now };
  const counts = { begun: 0, running: 0, most: 0 };
  const storage = withBreakage(correct, {
    readPositions: {
      countUnread: async (...args) => {
        counts.begun += 1;
        const isFailing = counts.begun === failing;
        counts.running += 1;
        counts.most = Math.max(counts.most, counts.running);
        await new Promise(setImmediate);
        counts.running -= 1;
        if (isFailing) throw new Error('fails as the test wants');
        return correct.readPositions.countUnread(...args);
      },
    },
  });
  const useCases = useCasesOver(storage, { clock, messageIds: makeMessageIds({ clock }) });
  const userId = freshUser();
  for (let conversation = 0; conversation < unread; conversation += 1) {
    const command = { caller: SERVICE, senderId: freshUser(), receiverId: userId, content: 'Hello' };
    await useCases.sendMessage({ ...command, idempotencyKey: null });
  }
  const inbox = { caller: SERVICE, userId, before: null, limit: 100, page: null, unreadCounts: true };
  return { counts, list: () => useCases.listConversations(inbox) };
}

test('a page counts the unread messages of eight conversations at the same time', async () => {
  const { counts, list } = await reading();
  const { items } = await list();
  expect(items.map(({ unreadCount }) => unreadCount)).toEqual(Array.from({ length: 30 }, () => 1));
  expect(counts).toEqual({ begun: 30, running: 0, most: 8 });
});

test('pages that are read at the same time count the unread messages of sixteen conversations at the same time', async () => {
  const { counts, list } = await reading();
  const pages = await Promise.all(Array.from({ length: 10 }, list));
  for (const { items } of pages) {
    expect(items.map(({ unreadCount }) => unreadCount)).toEqual(Array.from({ length: 30 }, () => 1));
  }
  expect(counts).toEqual({ begun: 300, running: 0, most: 16 });
});

test('a count that fails fails the page, and no further one begins', async () => {
  const { counts, list } = await reading(8);
  await expect(list()).rejects.toThrow('fails as the test wants');
  while (counts.running > 0) await new Promise(setImmediate);
  expect(counts.begun).toBeLessThan(24);
});

test('a page reads the names and last messages of eight groups at the same time', async () => {
  const correct = memoryStorage();
  const clock = { now, latest: now };
  const reads = { begun: 0, running: 0, most: 0 };
  const counted = async <Result>(read: () => Promise<Result>): Promise<Result> => {
    reads.begun += 1;
    reads.running += 1;
    reads.most = Math.max(reads.most, reads.running);
    await new Promise(setImmediate);
    reads.running -= 1;
    return read();
  };
  const storage = withBreakage(correct, {
    messages: { find: (...args) => counted(() => correct.messages.find(...args)) },
    groups: { findProfile: (...args) => counted(() => correct.groups.findProfile(...args)) },
  });
  const useCases = useCasesOver(storage, { clock, messageIds: makeMessageIds({ clock }) });
  const [creatorId, userId, other] = [freshUser(), freshUser(), freshUser()];
  for (let group = 0; group < 30; group += 1) {
    const creation = { creatorId, participantIds: [creatorId, userId, other], name: `Group ${group}` };
    const { conversation } = await useCases.createGroup({
      caller: SERVICE,
      ...creation,
      idempotencyKey: null,
    });
    const about = { caller: SERVICE, conversationId: conversation.id };
    await useCases.sendToConversation({ ...about, senderId: other, content: 'Hello', idempotencyKey: null });
    // The message itself is read for one who has left.
    if (group % 2 === 0) await useCases.removeMember({ ...about, userId });
  }
  const inbox = { caller: SERVICE, userId, before: null, limit: 100, page: null };
  const { items } = await useCases.listConversations(inbox);
  expect(items.map(({ name }) => name).sort()).toEqual(
    Array.from({ length: 30 }, (_, group) => `Group ${group}`).sort(),
  );
  expect(items.every(({ lastMessage }) => lastMessage?.preview === 'Hello')).toBe(true);
  expect(reads.begun).toBe(45);
  expect(reads.most).toBeLessThanOrEqual(16);
});

test('pages with more than eight counts are rejected beyond sixteen, and others are not', async () => {
  const { list } = await reading();
  const pages = await Promise.allSettled(Array.from({ length: 40 }, list));
  const failures = pages.flatMap((page) => (page.status === 'rejected' ? [page.reason as unknown] : []));
  expect(failures).toHaveLength(24);
  expect(failures.every((failure) => failure instanceof Overload)).toBe(true);
  await list();
  const { list: listFew } = await reading(Infinity, 8);
  await Promise.all(Array.from({ length: 40 }, listFew));
});
