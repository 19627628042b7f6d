import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { EventCursor } from '../../src/domain/event-cursor.ts';
import { freshUser, now } from '../contracts/fixtures.ts';
import { withBreakage } from '../contracts/mutants.ts';
import { makeCountedCalls } from '../support/counted-calls.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { unhandledRejections } from '../support/unhandled-rejections.ts';
import { useCasesOver } from '../support/use-cases.ts';

/** A user who follows their events over `storage`, and a group that can be created with this user. */
async function following(storage: Storage) {
  const clock = { now, latest: now };
  const useCases = useCasesOver(storage, { clock, messageIds: makeMessageIds({ clock }) });
  const users = [freshUser(), freshUser(), freshUser()] as const;
  const [creatorId, userId] = users;
  const list = (cursor: EventCursor | null) =>
    useCases.listEvents({ caller: SERVICE, userId, cursor, limit: 100, maxBytes: 1_000_000, maxHashes: 500 });
  const { cursor } = await list(null);
  const group = { creatorId, participantIds: users, name: null, idempotencyKey: null };
  return {
    useCases,
    creatorId,
    userId,
    createGroup: () => useCases.createGroup({ caller: SERVICE, ...group }),
    /** The events since this function was returned. */
    listNew: () => list(cursor),
  };
}

test.each([
  ['and the membership', true],
  ['of a message that is left out', false],
])('a failure to read the messages %s fails the request only', async (_, isMembershipUnknown) => {
  const correct = memoryStorage();
  let isOutage = false;
  const fail = async (): Promise<never> => {
    await new Promise(setImmediate);
    throw new StorageFailure('unavailable');
  };
  const storage = withBreakage(correct, {
    messages: { find: (...args) => (isOutage ? fail() : correct.messages.find(...args)) },
    groups: {
      findMembership: (...args) =>
        isOutage && isMembershipUnknown ? fail() : correct.groups.findMembership(...args),
    },
  });
  const { useCases, creatorId, userId, createGroup, listNew } = await following(storage);
  const { conversation } = await createGroup();
  const about = { caller: SERVICE, conversationId: conversation.id };
  await useCases.sendToConversation({
    ...about,
    senderId: creatorId,
    content: 'Hello',
    idempotencyKey: null,
  });
  if (!isMembershipUnknown) {
    // After a second join the message is from before the membership.
    await useCases.removeMember({ ...about, userId });
    await useCases.addMember({ ...about, userId });
  }
  const reasons = unhandledRejections();
  isOutage = true;
  const listed = listNew();
  await (isMembershipUnknown
    ? expect(listed).rejects.toThrow(StorageFailure)
    : expect(listed).resolves.toBeDefined());
  await pause(0);
  await new Promise(setImmediate);
  expect(reasons).toEqual([]);
});

test('the conversations and the messages of eight events are read at the same time', async () => {
  const correct = memoryStorage();
  const { calls: reads, counted } = makeCountedCalls();
  const storage = withBreakage(correct, {
    groups: { find: (...args) => counted(() => correct.groups.find(...args)) },
    messages: { find: (...args) => counted(() => correct.messages.find(...args)) },
  });
  const { useCases, userId, createGroup, listNew } = await following(storage);
  for (let count = 0; count < 30; count += 1) await createGroup();
  const send = { caller: SERVICE, receiverId: userId, content: 'Hello', idempotencyKey: null };
  for (let count = 0; count < 30; count += 1) await useCases.sendMessage({ ...send, senderId: freshUser() });
  Object.assign(reads, { begun: 0, most: 0 });
  const { events } = await listNew();
  expect(events.filter(({ type }) => type === 'conversation.created')).toHaveLength(30);
  expect(events.filter(({ type }) => type === 'message.created')).toHaveLength(30);
  expect([reads.begun, reads.most]).toEqual([60, 8]);
});
