import { beforeEach, describe, expect, test } from 'vitest';
import { makeMemoryStorage } from '../../src/adapters/memory/storage.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { makeEditMessage } from '../../src/application/edit-message.ts';
import { makeGetConversation } from '../../src/application/get-conversation.ts';
import { makeListConversations } from '../../src/application/list-conversations.ts';
import { makeListMessagesBefore } from '../../src/application/list-messages-before.ts';
import { makeMarkRead } from '../../src/application/mark-read.ts';
import { makeSendMessage } from '../../src/application/send-message.ts';
import { makeStartConversation } from '../../src/application/start-conversation.ts';
import { ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import type { EventId, IdempotencyKey, MessageId, UserId } from '../../src/domain/ids.ts';

/*
 * A process never makes an id below one that it has shown. The tests use two processes over one store; one is behind.
 */

const SECOND = 1_000_000;
const NOON = Date.UTC(2026, 0, 31, 12) * 1_000;

const [ada, ben] = ['ada', 'ben'] as UserId[] as [UserId, UserId];
const conversationId = conversationIdOf(participantsOf(ada, ben));
const page = { before: null, limit: 10, page: null };

/** Two processes over one store; the clock of the first is `ahead` of that of the second. */
function makeProcesses(ahead: number) {
  const storeClock = { now: () => NOON, latest: () => NOON };
  const storage = makeMemoryStorage({
    clock: storeClock,
    messageIds: makeMessageIds({ clock: storeClock }),
    limits: { requestTimeout: 5 * SECOND, maxClockSkew: 2 * SECOND },
    eventRetentionDays: 30,
    keyRetentionDays: 30,
  });
  const processAt = (time: number) => {
    const messageIds = makeMessageIds({ clock: { now: () => time }, maxClockSkew: 2 * SECOND });
    const deps = { ...storage, messageIds, conversationIdOf };
    const sendMessage = makeSendMessage(deps);
    const editMessage = makeEditMessage({ ...deps, capacity: { reserve: () => () => undefined } });
    return {
      getConversation: makeGetConversation(deps),
      listConversations: makeListConversations(deps),
      listMessagesBefore: makeListMessagesBefore(deps),
      markRead: makeMarkRead(deps),
      startConversation: makeStartConversation(deps),
      edit: (messageId: MessageId, content: string) =>
        editMessage({ caller: SERVICE, conversationId, messageId, content }),
      send: async (content: string, key: string | null = null): Promise<MessageId> => {
        const idempotencyKey = key as IdempotencyKey | null;
        const command = { caller: SERVICE, senderId: ada, receiverId: ben, content, idempotencyKey };
        return (await sendMessage(command)).message.id;
      },
    };
  };
  return { early: processAt(NOON + ahead), late: processAt(NOON) };
}

/** A position above every event. */
const ABOVE_ALL = 'ffffffff-ffff-7fff-bfff-ffffffffffff' as EventId;

type Process = ReturnType<typeof makeProcesses>['late'];

const CALLS: Readonly<Record<string, (late: Process) => Promise<unknown>>> = {
  'lists the messages': (late) => late.listMessagesBefore({ caller: SERVICE, conversationId, ...page }),
  'lists the inbox': (late) => late.listConversations({ caller: SERVICE, userId: ben, ...page }),
  'gets the conversation': (late) => late.getConversation({ caller: SERVICE, conversationId }),
  'starts the conversation, which is there': (late) =>
    late.startConversation({ caller: SERVICE, participantIds: [ada, ben] }),
  'marks the conversation as read': (late) =>
    late.markRead({ caller: SERVICE, conversationId, userId: ben, upTo: ABOVE_ALL }),
  'repeats a send of another process': (late) => late.send('Hello', 'k'),
};

describe.each(Object.entries(CALLS))('a process that %s', (_, show) => {
  let shown: MessageId;
  let processes: ReturnType<typeof makeProcesses>;

  beforeEach(async () => {
    processes = makeProcesses(1.5 * SECOND);
    shown = await processes.early.send('Hello', 'k');
  });

  test('gives a reply a later id than the messages it has shown, even if its clock is behind', async () => {
    await show(processes.late);
    expect((await processes.late.send('A reply')) > shown).toBe(true);
  });

  test('ignores an id that is further ahead than the allowed clock skew', async () => {
    const far = makeProcesses(10 * SECOND);
    const wrong = await far.early.send('Hello', 'k');
    await show(far.late);
    expect((await far.late.send('A reply')) < wrong).toBe(true);
  });
});

test('a process that has shown nothing uses its clock', async () => {
  const { early, late } = makeProcesses(1.5 * SECOND);
  const first = await early.send('Hello');
  expect((await late.send('Another')) < first).toBe(true);
});

test('an edit after that of a process whose clock is ahead wins', async () => {
  const { early, late } = makeProcesses(1.5 * SECOND);
  const messageId = await early.send('Hello');
  await early.edit(messageId, 'first');
  expect((await late.edit(messageId, 'second')).message.content).toBe('second');
});

test('an edit that would lose to an acknowledged one is not acknowledged', async () => {
  const { early, late } = makeProcesses(3 * SECOND);
  const messageId = await early.send('Hello');
  await early.edit(messageId, 'first');
  await expect(late.edit(messageId, 'second')).rejects.toBeInstanceOf(ClockNotVerified);
  const { items } = await late.listMessagesBefore({ caller: SERVICE, conversationId, ...page });
  expect(items[0]?.content).toBe('first');
});
