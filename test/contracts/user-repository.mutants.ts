import { setImmediate as turn } from 'node:timers/promises';
import type { UserId } from '../../src/domain/ids.ts';
import type { User } from '../../src/domain/user.ts';
import { NOON } from './fixtures.ts';
import { broken, brokenInEachProcess, cached, type Mutant, type Mutants } from './mutants.ts';
import type { userRepositoryContract } from './user-repository.ts';

/** Saves a changed user. */
function saving(how: string, change: (user: User, known: User | null) => User): Mutant {
  return broken(how, ({ users }) => {
    const saved = new Map<UserId, User>();
    return {
      users: {
        find: (id) => Promise.resolve(saved.get(id) ?? null),
        save: async (user) => {
          const changed = change(user, saved.get(user.id) ?? null);
          saved.set(user.id, changed);
          return { user: changed, created: (await users.save(user)).created };
        },
      },
    };
  });
}

export const userRepositoryMutants: Mutants<typeof userRepositoryContract> = {
  'a user who was never saved is not found': [
    broken('finds everybody', ({ users }) => ({
      users: {
        find: async (id) => (await users.find(id)) ?? { id, username: id, createdAt: NOON },
      },
    })),
  ],

  'a saved user is found by every process, with the username byte for byte': [
    saving('normalises names', (user) => ({ ...user, username: user.username.normalize() })),
    saving('trims names', (user) => ({ ...user, username: user.username.trim() })),
    brokenInEachProcess('keeps users in each process', ({ users }) => {
      const known = new Set<UserId>();
      return {
        users: {
          find: (id) => (known.has(id) ? users.find(id) : Promise.resolve(null)),
          save: (user) => {
            known.add(user.id);
            return users.save(user);
          },
        },
      };
    }),
  ],

  'the first save sets the creation time, and later saves change the username': [
    saving('sets the creation time on each save', (user) => user),
    saving('keeps the earliest creation time', (user, known) => ({
      ...user,
      createdAt: Math.min(user.createdAt, known?.createdAt ?? Infinity),
    })),
    saving('keeps the first username', (user, known) => known ?? user),
    brokenInEachProcess('reads users from a cache', ({ users }) => ({
      users: { find: cached((id: UserId) => users.find(id)) },
    })),
  ],

  'of several concurrent first saves, exactly one creates the user': [
    broken('checks whether a user exists and then inserts', ({ users }) => ({
      users: {
        save: async (user) => {
          const known = await users.find(user.id);
          await turn();
          await users.save(user);
          return {
            user: { ...user, createdAt: known?.createdAt ?? user.createdAt },
            created: known === null,
          };
        },
      },
    })),
    broken('reports no save as the first', ({ users }) => ({
      users: { save: async (user) => ({ ...(await users.save(user)), created: false }) },
    })),
  ],

  'ids that differ only in case are different users': [
    broken('folds the case of ids', ({ users }) => ({
      users: {
        find: (id) => users.find(id.toLowerCase() as UserId),
        save: (user) => users.save({ ...user, id: user.id.toLowerCase() as UserId }),
      },
    })),
  ],
};
