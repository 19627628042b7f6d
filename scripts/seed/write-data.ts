import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { MessageRepository } from '../../src/application/ports/message-repository.ts';
import type { Capacity } from '../../src/application/ports/capacity.ts';
import type { MessageIds } from '../../src/application/ports/message-ids.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { makeCreateGroup } from '../../src/application/create-group.ts';
import { makeDeleteMessage } from '../../src/application/delete-message.ts';
import { makeEditMessage } from '../../src/application/edit-message.ts';
import { makeSaveUser } from '../../src/application/save-user.ts';
import { makeSendMessage } from '../../src/application/send-message.ts';
import { makeSendToConversation } from '../../src/application/send-to-conversation.ts';
import { makeStartConversation } from '../../src/application/start-conversation.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { Message } from '../../src/domain/message.ts';
import { messageIdAt, type Microseconds } from '../../src/domain/time.ts';
import { usernameOf } from './phrases.ts';
import { below, randomOf, type Random } from './random.ts';
import { SECOND } from './message-times.ts';
import {
  groupPlan,
  plannedMessages,
  MAX_AGE,
  randomConversations,
  specialConversations,
  userIdOf,
  type Parameters,
  type ConversationPlan,
} from './conversations.ts';

/** How many users or conversations are written in parallel. */
const CONCURRENCY = 32;

/** The tail of an id has 52 random bits, drawn in two halves. */
const HALF_TAIL = 0x400_0000;

/** The total number of messages, including those of the special conversations and of the group. */
export function messagesIn(parameters: Parameters): number {
  return Object.values(specialConversations(parameters)).reduce(
    (sum, { messages }) => sum + messages,
    parameters.messages + groupPlan(parameters).messages.length,
  );
}

/**
 * Writes the data to storage through the use cases. Each conversation is written in order, with its own clock and ids;
 * several conversations are written in parallel. The memory use grows with the number of conversations, not with the
 * number of messages.
 *
 * It may be repeated, also after a run that was stopped: the same ids address the same rows. Idempotency keys would add
 * no guarantee and cost a lightweight transaction per message.
 *
 * After a failure it waits for the work in progress, and rejects with that failure. `sent` is called for each stored
 * message.
 */
export async function writeData(deps: {
  storage: Storage;
  parameters: Parameters;
  sent: () => void;
}): Promise<void> {
  const { parameters } = deps;
  await inParallel(numbersTo(parameters.users), (number) => writeUser(number, deps));
  await inParallel(conversationsOf(parameters), (plan, hasFailed) =>
    writeConversation(plan, hasFailed, deps),
  );
  await writeGroup(deps);
}

/** Users are created one per second, all of them before the oldest message. */
async function writeUser(
  number: number,
  { storage, parameters }: { storage: Storage; parameters: Parameters },
): Promise<void> {
  const { until, users } = parameters;
  const createdAt = until - MAX_AGE - (users - number + 1) * SECOND;
  const saveUser = makeSaveUser({ users: storage.users, clock: { now: () => createdAt } });
  await saveUser({ caller: SERVICE, userId: userIdOf(number), username: usernameOf(number) });
}

async function writeConversation(
  plan: ConversationPlan,
  hasFailed: () => boolean,
  { storage, parameters, sent }: { storage: Storage; parameters: Parameters; sent: () => void },
): Promise<void> {
  const { messages, conversations, groups, readPositions } = storage;
  let now: Microseconds = plan.startedAt ?? 0;
  const random = randomOf(parameters.seed, 'ids', ...plan.participantIds);
  const messageIds = seededMessageIds({ clock: { now: () => now }, random });

  if (plan.startedAt !== null) {
    const deps = { messages, conversations, groups, readPositions, messageIds, conversationIdOf };
    await makeStartConversation(deps)({ caller: SERVICE, participantIds: plan.participantIds });
  }
  // These messages are an import, not live: they get no late events.
  const imported: MessageRepository = {
    ...messages,
    append: (request) => messages.append({ ...request, isLive: false }),
  };
  const sendMessage = makeSendMessage({ messages: imported, messageIds, conversationIdOf });
  /** The messages of a plan with changes. */
  const written: Message[] = [];
  for (const { time, ...message } of plannedMessages(plan, parameters)) {
    if (hasFailed()) return;
    now = time;
    const result = await sendMessage({ ...message, caller: SERVICE, idempotencyKey: null });
    if (plan.changes !== undefined) written.push(result.message);
    sent();
  }
  const edited = plan.changes && written[plan.changes.edited];
  const deleted = plan.changes && written[plan.changes.deleted];
  const deps = { messages, conversations, groups, messageIds, capacity: UNLIMITED };
  if (edited !== undefined) {
    const { conversationId, id: messageId } = edited;
    const content = plan.changes?.content ?? '';
    await makeEditMessage(deps)({ caller: SERVICE, conversationId, messageId, content });
  }
  if (deleted !== undefined) {
    const { conversationId, id: messageId } = deleted;
    await makeDeleteMessage(deps)({ caller: SERVICE, conversationId, messageId });
  }
}

/** The commands run a few at a time already. */
const UNLIMITED: Capacity = { reserve: () => () => undefined };

/** Creates the group and writes its messages. */
async function writeGroup({
  storage,
  parameters,
  sent,
}: {
  storage: Storage;
  parameters: Parameters;
  sent: () => void;
}): Promise<void> {
  const { name, creatorId, participantIds, createdAt, messages } = groupPlan(parameters);
  let now = createdAt;
  const random = randomOf(parameters.seed, 'ids', name);
  const imported: MessageRepository = {
    ...storage.messages,
    append: (request) => storage.messages.append({ ...request, isLive: false }),
  };
  const messageIds = seededMessageIds({ clock: { now: () => now }, random });
  const deps = { ...storage, messageIds, capacity: UNLIMITED };
  const about = { caller: SERVICE, idempotencyKey: null };
  const { conversation } = await makeCreateGroup(deps)({ ...about, creatorId, participantIds, name });
  const sendToConversation = makeSendToConversation({ ...deps, messages: imported });
  for (const { time, ...message } of messages) {
    now = time;
    await sendToConversation({ ...about, ...message, conversationId: conversation.id });
    sent();
  }
}

/** Ids in the format of the service, with `random` as the source of randomness. */
function seededMessageIds({ clock, random }: { clock: Pick<Clock, 'now'>; random: Random }): MessageIds {
  let last = 0;
  return {
    next() {
      last = Math.max(clock.now(), last + 1);
      const tail = below(HALF_TAIL, random) * HALF_TAIL + below(HALF_TAIL, random);
      return messageIdAt(last, below(1000, random), tail.toString(16).padStart(13, '0'));
    },
    observe: () => undefined,
  };
}

function* conversationsOf(parameters: Parameters): Generator<ConversationPlan> {
  yield* Object.values(specialConversations(parameters));
  yield* randomConversations(parameters);
}

function* numbersTo(last: number): Generator<number> {
  for (let number = 1; number <= last; number += 1) yield number;
}

/** Does `work` for all items, several in parallel. After a failure it starts no further work, and then rejects. */
async function inParallel<Item>(
  items: Generator<Item>,
  work: (item: Item, hasFailed: () => boolean) => Promise<void>,
): Promise<void> {
  let failed = false;
  const worker = async (): Promise<void> => {
    // An error in this loop ends the generator, and so the loops of the other workers.
    for (const item of items) {
      await work(item, () => failed).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const results = await Promise.allSettled(Array.from({ length: CONCURRENCY }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
