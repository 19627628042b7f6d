import { setTimeout as wait } from 'node:timers/promises';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { Storage } from '../../src/application/ports/storage.ts';

/** How long to wait before each further attempt, in milliseconds: half a minute in all. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000];

/**
 * `storage`, asked again where it lets us down, so that a long run outlives a node that restarts or is busy. All
 * that a storage does may be repeated. Rejects with the last failure when patience is at its end.
 */
export function patient(storage: Storage, pause: (milliseconds: number) => Promise<unknown> = wait): Storage {
  const persist = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    for (const milliseconds of PAUSES_MS) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof StorageFailure)) throw error;
        await pause(milliseconds);
      }
    }
    return ask();
  };
  const { messages, conversations, events, users } = storage;
  return {
    messages: {
      append: (posting) => persist(() => messages.append(posting)),
      listBefore: (id, slice) => persist(() => messages.listBefore(id, slice)),
      find: (id, ids) => persist(() => messages.find(id, ids)),
    },
    conversations: {
      find: (id) => persist(() => conversations.find(id)),
      start: (conversation) => persist(() => conversations.start(conversation)),
      isInInbox: (userId, id) => persist(() => conversations.isInInbox(userId, id)),
      listByUser: (id, slice) => persist(() => conversations.listByUser(id, slice)),
    },
    events: {
      completeSince: () => events.completeSince(),
      listAfter: (id, after, limit) => persist(() => events.listAfter(id, after, limit)),
    },
    users: {
      find: (id) => persist(() => users.find(id)),
      save: (user) => persist(() => users.save(user)),
    },
    readinessProblems: () => storage.readinessProblems(),
    close: () => storage.close(),
  };
}
