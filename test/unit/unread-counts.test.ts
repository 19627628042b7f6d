import { expect, test } from 'vitest';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { Overload } from '../../src/application/concurrency-limiter.ts';
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

test('a count that waits does not begin if another one of its page has failed', async () => {
  const { counts, list } = await reading(2);
  const pages = await Promise.allSettled(Array.from({ length: 10 }, list));
  expect(pages.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  while (counts.running > 0) await new Promise(setImmediate);
  expect(counts.begun).toBe(9 * 30 + 8);
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
