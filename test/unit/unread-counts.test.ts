import { expect, test } from 'vitest';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { freshUser, now } from '../contracts/fixtures.ts';
import { withBreakage } from '../contracts/mutants.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { useCasesOver } from '../support/use-cases.ts';

test('a page counts the unread messages of eight conversations at the same time, and reserves capacity for that', async () => {
  const correct = memoryStorage();
  const clock = { now, latest: now };
  let running = 0;
  let most = 0;
  const storage = withBreakage(correct, {
    readPositions: {
      countUnread: async (...args) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
        return correct.readPositions.countUnread(...args);
      },
    },
  });
  const reserved: number[] = [];
  let released = 0;
  const capacity = {
    reserve: (partitions: number) => {
      reserved.push(partitions);
      return () => {
        expect(running).toBe(0);
        released += 1;
      };
    },
  };
  const useCases = useCasesOver(storage, { clock, messageIds: makeMessageIds({ clock }), capacity });
  const userId = freshUser();
  for (let conversation = 0; conversation < 30; conversation += 1) {
    const command = { caller: SERVICE, senderId: freshUser(), receiverId: userId, content: 'Hello' };
    await useCases.sendMessage({ ...command, idempotencyKey: null });
  }
  const inbox = { caller: SERVICE, userId, before: null, limit: 100, page: null };
  const { items } = await useCases.listConversations({ ...inbox, unreadCounts: true });
  expect(items.map(({ unreadCount }) => unreadCount)).toEqual(Array.from({ length: 30 }, () => 1));
  expect({ most, reserved, released }).toEqual({ most: 8, reserved: [30], released: 1 });
});
