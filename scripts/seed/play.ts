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

/** How many users or conversations are written at once. */
const WIDTH = 32;

/** The tail of an id has 52 bits, in two draws. */
const HALF_TAIL = 0x400_0000;

/** How many messages there will be, those of the special conversations included. */
export function messagesIn(parameters: Parameters): number {
  return Object.values(specialTalks(parameters)).reduce(
    (sum, { messages }) => sum + messages,
    parameters.messages,
  );
}

/**
 * Puts the data into storage, through the use cases. Each conversation is played in order and by a clock and ids
 * of its own, as if a process did nothing else; several are played at once. So the memory it takes grows with the
 * number of conversations, and not with that of messages.
 *
 * It may be repeated, or ended half-way and repeated: the same ids name the same rows. Idempotency keys would
 * promise no more and cost a lightweight transaction a message.
 *
 * Rejects with the `StorageFailure` that ended it, once nothing is in progress any more. `sent` is told of each
 * message that was stored.
 */
export async function play(deps: {
  storage: Storage;
  parameters: Parameters;
  sent: () => void;
}): Promise<void> {
  const { parameters } = deps;
  await atOnce(numbersTo(parameters.users), (number) => save(number, deps));
  await atOnce(talksOf(parameters), (talk, hasFailed) => speak(talk, hasFailed, deps));
}

/** Users came one a second, the last of them before the oldest message. */
async function save(
  number: number,
  { storage, parameters }: { storage: Storage; parameters: Parameters },
): Promise<void> {
  const { until, users } = parameters;
  const joined = until - LONGEST - (users - number + 1) * SECOND;
  const saveUser = makeSaveUser({ users: storage.users, clock: { now: () => joined } });
  await saveUser({ caller: SERVICE, userId: userIdOf(number), username: usernameOf(number) });
}

async function speak(
  talk: Talk,
  hasFailed: () => boolean,
  { storage, parameters, sent }: { storage: Storage; parameters: Parameters; sent: () => void },
): Promise<void> {
  const { messages, conversations, readPositions } = storage;
  let now: Microseconds = talk.startedAt ?? 0;
  const random = randomOf(parameters.seed, 'ids', ...talk.participantIds);
  const messageIds = seededMessageIds({ clock: { now: () => now }, random });

  if (talk.startedAt !== null) {
    const deps = { messages, conversations, readPositions, messageIds, conversationIdOf };
    await makeStartConversation(deps)({ caller: SERVICE, participantIds: talk.participantIds });
  }
  // The past is imported: nobody is told of it now.
  const imported: MessageRepository = {
    ...messages,
    append: (request) => messages.append({ ...request, isLive: false }),
  };
  const sendMessage = makeSendMessage({ messages: imported, messageIds, conversationIdOf });
  for (const { time, ...said } of linesOf(talk, parameters)) {
    if (hasFailed()) return;
    now = time;
    await sendMessage({ ...said, caller: SERVICE, idempotencyKey: null });
    sent();
  }
}

/** Ids as the service makes them, but for chance, which is `random`. */
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

/** Does `work` for all items, several at once. After a failure it begins nothing, and rejects when all is at rest. */
async function atOnce<Item>(
  items: Generator<Item>,
  work: (item: Item, hasFailed: () => boolean) => Promise<void>,
): Promise<void> {
  let failed = false;
  const worker = async (): Promise<void> => {
    // A throw out of this loop ends the generator, and with it the loops of the others.
    for (const item of items) {
      await work(item, () => failed).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: WIDTH }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
