import { expect, test } from 'vitest';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { Overload } from '../../src/application/overload.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { freshUser, now } from '../contracts/fixtures.ts';
import { withBreakage } from '../contracts/mutants.ts';
import { makeCountedCalls } from '../support/counted-calls.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { useCasesOver } from '../support/use-cases.ts';

/** A user with 30 unread conversations, whose counts are recorded. The one with the number `failing` fails. */
async function reading(failing = Infinity) {
  const correct = memoryStorage();
  const clock = { now, latest: now };
  const { calls: counts, counted } = makeCountedCalls();
  const storage = withBreakage(correct, {
    readPositions: {
      countUnread: (...args) => {
        const isFailing = counts.begun + 1 === failing;
        return counted(() => {
          if (isFailing) throw new Error('fails as the test wants');
          return correct.readPositions.countUnread(...args);
        });
      },
    },
  });
  const useCases = useCasesOver(storage, { clock, messageIds: makeMessageIds({ clock }) });
  /** A user with as many unread conversations. */
  const addUser = async (conversations: number): Promise<UserId> => {
    const receiverId = freshUser();
    for (let conversation = 0; conversation < conversations; conversation += 1) {
      const command = { caller: SERVICE, senderId: freshUser(), receiverId, content: 'Hello' };
      await useCases.sendMessage({ ...command, idempotencyKey: null });
    }
    return receiverId;
  };
  const first = await addUser(30);
  const inbox = { caller: SERVICE, before: null, limit: 100, page: null, unreadCounts: true };
  const list = (userId = first) => useCases.listConversations({ ...inbox, userId });
  return { counts, addUser, list };
}

test('a page counts the unread messages of eight conversations at the same time', async () => {
  const { counts, list } = await reading();
  const { items } = await list();
  expect(items.map(({ unreadCount }) => unreadCount)).toEqual(Array.from({ length: 30 }, () => 1));
  expect(counts).toEqual({ begun: 30, running: 0, most: 8 });
});

test('pages that are read at the same time count the unread messages of sixteen conversations at the same time', async () => {
  const { counts, list } = await reading();
  const pages = await Promise.all(Array.from({ length: 8 }, () => list()));
  for (const { items } of pages) {
    expect(items.map(({ unreadCount }) => unreadCount)).toEqual(Array.from({ length: 30 }, () => 1));
  }
  expect(counts).toEqual({ begun: 240, running: 0, most: 16 });
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
  const { calls: reads, counted } = makeCountedCalls();
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

test('of pages with more than eight counts, sixteen are read at the same time, eight of them of one user', async () => {
  const { list, addUser } = await reading();
  const another = await addUser(30);
  const withFew = await addUser(8);
  const isOverload = (page: PromiseSettledResult<unknown>) =>
    page.status === 'rejected' && page.reason instanceof Overload;
  const pages = await Promise.all(
    [() => list(), () => list(another), () => list(withFew)].map((read) =>
      Promise.allSettled(Array.from({ length: 20 }, read)),
    ),
  );
  expect(pages.map((own) => own.filter(isOverload).length)).toEqual([12, 12, 0]);
  expect(pages.map((own) => own.filter(({ status }) => status === 'fulfilled').length)).toEqual([8, 8, 20]);
  const [third] = await Promise.allSettled([list(await addUser(30))]);
  expect(third.status).toBe('fulfilled');
});
