import { expect, test } from 'vitest';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { ConversationId, UserId } from '../../src/domain/ids.ts';
import { MAX_PAGE_BYTES } from '../../src/domain/page.ts';
import { withBreakage } from '../contracts/mutants.ts';
import { freshUser, now, SECOND } from '../contracts/fixtures.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { useCasesOver } from '../support/use-cases.ts';

/** A process over `storage` whose clock differs by `skew` microseconds. */
function aProcess(storage: Storage, skew = 0): UseCases {
  const clock = { now: () => now() + skew, latest: () => now() + skew };
  return useCasesOver(storage, { clock, messageIds: makeMessageIds({ clock }) });
}

const [creator, member, leaver] = [freshUser(), freshUser(), freshUser()];

async function newGroup(useCases: UseCases): Promise<ConversationId> {
  const { conversation } = await useCases.createGroup({
    caller: SERVICE,
    creatorId: creator,
    participantIds: [creator, member, leaver],
    name: null,
    idempotencyKey: null,
  });
  return conversation.id;
}

async function send(useCases: UseCases, conversationId: ConversationId, content = 'Hello') {
  const command = { caller: SERVICE, senderId: creator, conversationId, content, idempotencyKey: null };
  return (await useCases.sendToConversation(command)).message;
}

const asUser = (userId: UserId) => ({ kind: 'user', userId }) as const;

test('one who left does not see an edit made afterwards by a process whose clock is behind', async () => {
  const storage = memoryStorage();
  const [ahead, behind] = [aProcess(storage, SECOND), aProcess(storage, -0.5 * SECOND)];
  const conversationId = await newGroup(behind);
  const { id: messageId } = await send(behind, conversationId);
  await ahead.removeMember({ caller: SERVICE, conversationId, userId: leaver });
  await behind.editMessage({ caller: SERVICE, conversationId, messageId, content: 'Edited' });
  const seen = await behind.getMessage({ caller: asUser(leaver), conversationId, messageId });
  expect(seen.content).toBeNull();
});

test('a deletion is after the last edit, also if the clock of its process is behind', async () => {
  const storage = memoryStorage();
  const [ahead, behind] = [aProcess(storage, SECOND), aProcess(storage, -0.5 * SECOND)];
  const conversationId = await newGroup(ahead);
  const { id: messageId } = await send(ahead, conversationId);
  const edit = { caller: SERVICE, conversationId, messageId, content: 'Edited' };
  const { message } = await ahead.editMessage(edit);
  await behind.deleteMessage({ caller: SERVICE, conversationId, messageId });
  const deleted = await behind.getMessage({ caller: SERVICE, conversationId, messageId });
  expect(deleted.deletionId! > message.editId!).toBe(true);
});

test('one who left reads the whole history, although the messages were edited afterwards', async () => {
  const correct = memoryStorage();
  // Like Cassandra, which ends a slice after the message that brings the content above the limit.
  const storage = withBreakage(correct, {
    messages: {
      listBefore: async (id, slice) => {
        let bytes = 0;
        const messages = await correct.messages.listBefore(id, slice);
        const end = messages.findIndex(
          ({ content }) => (bytes += content?.length ?? 0) > (slice.maxBytes ?? Infinity),
        );
        return end < 0 ? messages : messages.slice(0, end + 1);
      },
    },
  });
  const useCases = aProcess(storage);
  const conversationId = await newGroup(useCases);
  const content = 'x'.repeat(20_000);
  const count = Math.ceil(MAX_PAGE_BYTES / content.length) + 10;
  const sent = [];
  for (let n = 0; n < count; n += 1) sent.push(await send(useCases, conversationId));
  await useCases.removeMember({ caller: SERVICE, conversationId, userId: leaver });
  for (const { id: messageId } of sent) {
    await useCases.editMessage({ caller: SERVICE, conversationId, messageId, content });
  }
  const query = { caller: asUser(leaver), conversationId, limit: 100, page: null };
  const first = await useCases.listMessagesBefore({ ...query, before: null });
  const second = await useCases.listMessagesBefore({ ...query, before: first.next });
  expect(first.items.length + second.items.length).toBe(count);
  expect(second.next).toBeNull();
});

test('what came after leaving is not unread, also if it reached the inbox of one who left', async () => {
  const correct = memoryStorage();
  const useCases = aProcess(correct);
  const conversationId = await newGroup(useCases);
  const { id: upTo } = await send(useCases, conversationId);
  await useCases.markRead({ caller: SERVICE, userId: leaver, conversationId, upTo });
  await useCases.removeMember({ caller: SERVICE, conversationId, userId: leaver });
  const { id: later } = await send(useCases, conversationId, 'Later');
  // A send that had read the members before one of them left.
  const raced = withBreakage(correct, {
    conversations: {
      listByUser: async (userId, slice) =>
        (await correct.conversations.listByUser(userId, slice)).map((entry) => ({
          ...entry,
          lastEventId: entry.membership!.left!,
          lastMessage: { messageId: later, senderId: creator, preview: 'Later' },
        })),
    },
  });
  const inbox = { caller: SERVICE, userId: leaver, before: null, limit: 10, page: null };
  for (const unreadCounts of [false, true]) {
    const { items } = await aProcess(raced).listConversations({ ...inbox, unreadCounts });
    expect(items).toMatchObject([{ unread: false, lastMessage: { messageId: upTo } }]);
  }
});

test('an edit and a deletion in a group count by its size in the concurrency limit', async () => {
  const storage = memoryStorage();
  const clock = { now, latest: now };
  const reserved: number[] = [];
  const capacity = {
    reserve: (users: number) => {
      reserved.push(users);
      return () => undefined;
    },
  };
  const useCases = useCasesOver(storage, { clock, messageIds: makeMessageIds({ clock }), capacity });
  const conversationId = await newGroup(useCases);
  const { id: messageId } = await send(useCases, conversationId);
  reserved.length = 0;
  await useCases.editMessage({ caller: SERVICE, conversationId, messageId, content: 'Edited' });
  await useCases.deleteMessage({ caller: SERVICE, conversationId, messageId });
  expect(reserved).toEqual([3, 3]);
});

test('one whose removal has reached the group, but not yet the own inbox, can change nothing', async () => {
  const correct = memoryStorage();
  const conversationId = await newGroup(aProcess(correct));
  const message = await send(aProcess(correct), conversationId);
  const stale = await correct.groups.findMembership(conversationId, creator);
  await aProcess(correct).removeMember({ caller: SERVICE, conversationId, userId: creator });
  // The process that removed the user has ended in between.
  const useCases = aProcess(
    withBreakage(correct, { groups: { findMembership: () => Promise.resolve(stale) } }),
  );
  const caller = asUser(creator);
  const command = { caller, conversationId, messageId: message.id, userId: member, name: 'Name' };
  const attempts = [
    useCases.sendToConversation({ ...command, senderId: creator, content: 'Hello', idempotencyKey: null }),
    useCases.editMessage({ ...command, content: 'Edited' }),
    useCases.renameGroup(command),
    useCases.addMember({ ...command, userId: freshUser() }),
    useCases.removeMember(command),
  ];
  for (const attempt of attempts) await expect(attempt).rejects.toMatchObject({ code: 'member_left' });
});
