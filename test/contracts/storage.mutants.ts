import { setTimeout as pause } from 'node:timers/promises';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { UserId } from '../../src/domain/ids.ts';
import type { User } from '../../src/domain/user.ts';
import { broken, cached, type Mutants } from './mutants.ts';
import type { storageContract } from './storage.ts';

export const storageMutants: Mutants<typeof storageContract> = {
  'nothing is missing while storage serves': [
    broken('is never ready', () => ({
      readinessProblems: () => Promise.resolve(['The schema is missing.']),
    })),
  ],

  'what a caller does to what it gave or was given leaves what is stored alone': [
    broken('keeps what it is given', ({ users }) => {
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
    broken('gives away what it keeps', ({ conversations }) => ({
      conversations: { listByUser: cached((id, slice) => conversations.listByUser(id, slice)) },
    })),
  ],

  'what is being written when a process closes is written': [
    broken('drops what is in flight', ({ messages }) => {
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
