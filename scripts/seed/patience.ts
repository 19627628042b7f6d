import { setTimeout as wait } from 'node:timers/promises';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { Storage } from '../../src/application/ports/storage.ts';

/** The delay before each retry, in milliseconds: half a minute in total. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000];

/**
 * Wraps `storage` with retries after a `StorageFailure`, so that a long run survives a node that restarts or is
 * overloaded. All storage operations may be repeated. Rejects with the last failure after the last retry.
 */
export function patient(storage: Storage, pause: (milliseconds: number) => Promise<unknown> = wait): Storage {
  const withRetry = async <Result>(attempt: () => Promise<Result>): Promise<Result> => {
    for (const milliseconds of PAUSES_MS) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof StorageFailure)) throw error;
        await pause(milliseconds);
      }
    }
    return attempt();
  };
  const { messages, conversations, groups, events, readPositions, users } = storage;
  return {
    messages: {
      append: (request) => withRetry(() => messages.append(request)),
      listBefore: (id, slice) => withRetry(() => messages.listBefore(id, slice)),
      find: (id, ids) => withRetry(() => messages.find(id, ids)),
      edit: (request) => withRetry(() => messages.edit(request)),
      delete: (request) => withRetry(() => messages.delete(request)),
    },
    conversations: {
      find: (id) => withRetry(() => conversations.find(id)),
      start: (conversation) => withRetry(() => conversations.start(conversation)),
      isInInbox: (userId, id) => withRetry(() => conversations.isInInbox(userId, id)),
      listByUser: (id, slice) => withRetry(() => conversations.listByUser(id, slice)),
    },
    groups: {
      create: (request) => withRetry(() => groups.create(request)),
      find: (id) => withRetry(() => groups.find(id)),
      findProfile: (id) => withRetry(() => groups.findProfile(id)),
      findMembership: (id, userId) => withRetry(() => groups.findMembership(id, userId)),
      listMembersAt: (id, position) => withRetry(() => groups.listMembersAt(id, position)),
      join: (id, userId, joined) => withRetry(() => groups.join(id, userId, joined)),
      leave: (id, userId, left) => withRetry(() => groups.leave(id, userId, left)),
      rename: (id, name, event) => withRetry(() => groups.rename(id, name, event)),
    },
    events: {
      completeSince: () => events.completeSince(),
      listAfter: (id, after, limit) => withRetry(() => events.listAfter(id, after, limit)),
    },
    readPositions: {
      mark: (mark) => withRetry(() => readPositions.mark(mark)),
      listByConversation: (conversation) => withRetry(() => readPositions.listByConversation(conversation)),
      countUnread: (id, entry, membership) =>
        withRetry(() => readPositions.countUnread(id, entry, membership)),
    },
    users: {
      find: (id) => withRetry(() => users.find(id)),
      save: (user) => withRetry(() => users.save(user)),
    },
    readinessProblems: () => storage.readinessProblems(),
    close: () => storage.close(),
  };
}
