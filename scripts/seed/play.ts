import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { MessageRepository } from '../../src/application/ports/message-repository.ts';
import type { MessageIds } from '../../src/application/ports/message-ids.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { makeSaveUser } from '../../src/application/save-user.ts';
import { makeSendMessage } from '../../src/application/send-message.ts';
import { makeStartConversation } from '../../src/application/start-conversation.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { messageIdAt, type Microseconds } from '../../src/domain/time.ts';
import { usernameOf } from './phrases.ts';
import { below, randomOf, type Random } from './random.ts';
import { SECOND } from './rhythm.ts';
import {
  linesOf,
  LONGEST,
  randomTalks,
  specialTalks,
  userIdOf,
  type Parameters,
  type Talk,
} from './talks.ts';

/** How many users or conversations are written in parallel. */
const CONCURRENCY = 32;

/** The tail of an id has 52 random bits, drawn in two halves. */
const HALF_TAIL = 0x400_0000;

/** The total number of messages, including those of the special conversations. */
export function messagesIn(parameters: Parameters): number {
  return Object.values(specialTalks(parameters)).reduce(
    (sum, { messages }) => sum + messages,
    parameters.messages,
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
export async function play(deps: {
  storage: Storage;
  parameters: Parameters;
  sent: () => void;
}): Promise<void> {
  const { parameters } = deps;
  await inParallel(numbersTo(parameters.users), (number) => writeUser(number, deps));
  await inParallel(talksOf(parameters), (talk, hasFailed) => writeTalk(talk, hasFailed, deps));
}

/** Users are created one per second, all of them before the oldest message. */
async function writeUser(
  number: number,
  { storage, parameters }: { storage: Storage; parameters: Parameters },
): Promise<void> {
  const { until, users } = parameters;
  const createdAt = until - LONGEST - (users - number + 1) * SECOND;
  const saveUser = makeSaveUser({ users: storage.users, clock: { now: () => createdAt } });
  await saveUser({ caller: SERVICE, userId: userIdOf(number), username: usernameOf(number) });
}

async function writeTalk(
  talk: Talk,
  hasFailed: () => boolean,
  { storage, parameters, sent }: { storage: Storage; parameters: Parameters; sent: () => void },
): Promise<void> {
  const { messages, conversations, groups, readPositions } = storage;
  let now: Microseconds = talk.startedAt ?? 0;
  const random = randomOf(parameters.seed, 'ids', ...talk.participantIds);
  const messageIds = seededMessageIds({ clock: { now: () => now }, random });

  if (talk.startedAt !== null) {
    const deps = { messages, conversations, groups, readPositions, messageIds, conversationIdOf };
    await makeStartConversation(deps)({ caller: SERVICE, participantIds: talk.participantIds });
  }
  // These messages are an import, not live: they get no late events.
  const imported: MessageRepository = {
    ...messages,
    append: (request) => messages.append({ ...request, isLive: false }),
  };
  const sendMessage = makeSendMessage({ messages: imported, messageIds, conversationIdOf });
  for (const { time, ...line } of linesOf(talk, parameters)) {
    if (hasFailed()) return;
    now = time;
    await sendMessage({ ...line, caller: SERVICE, idempotencyKey: null });
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

function* talksOf(parameters: Parameters): Generator<Talk> {
  yield* Object.values(specialTalks(parameters));
  yield* randomTalks(parameters);
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
