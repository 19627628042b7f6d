import { setTimeout as pause } from 'node:timers/promises';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { UserId } from '../../src/domain/ids.ts';
import type { User } from '../../src/domain/user.ts';
import { broken, cached, type Mutants } from './mutants.ts';
import type { storageContract } from './storage.ts';

export const storageMutants: Mutants<typeof storageContract> = {
  'a working storage reports no readiness problems': [
    broken('is never ready', () => ({
      readinessProblems: () => Promise.resolve(['The schema is missing.']),
    })),
  ],

  'changes to arguments and results do not change stored data': [
    broken('stores references to its arguments', ({ users }) => {
      const saved = new Map<UserId, User>();
      return {
        users: {
          find: (id) => Promise.resolve(saved.get(id) ?? null),
          save: (user) => {
            saved.set(user.id, user);
            return users.save(user);
          },
        },
      };
    }),
    broken('returns references to stored objects', ({ conversations }) => ({
      conversations: { listByUser: cached((id, slice) => conversations.listByUser(id, slice)) },
    })),
  ],

  'a write in progress when a process closes is completed': [
    broken('drops writes in progress', ({ messages }) => {
      const closing = new AbortController();
      return {
        messages: {
          append: async (appendRequest) => {
            await pause(1);
            if (closing.signal.aborted) throw new StorageFailure('outcome_unknown');
            return messages.append(appendRequest);
          },
        },
        close: () => {
          closing.abort();
          return Promise.resolve();
        },
      };
    }),
  ],
};
