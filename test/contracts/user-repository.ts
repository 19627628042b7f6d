import assert from 'node:assert/strict';
import type { UserId } from '../../src/domain/ids.ts';
import type { User } from '../../src/domain/user.ts';
import { DAY, freshUser, NOON } from './fixtures.ts';
import type { Contract, StorageSubject } from './contract.ts';

function named(id: UserId, username: string, createdAt = NOON): User {
  return { id, username, createdAt };
}

export const userRepositoryContract = {
  'a user who was never saved is not found': async ({ processes: [here, there] }) => {
    await here.users.save(named(freshUser(), 'Anna'));
    assert.equal(await there.users.find(freshUser()), null);
  },

  'a saved user is found by every process, with the username byte for byte': async ({
    processes: [here, there],
  }) => {
    for (const username of ['Anna', ' e\u0301 is not \u00e9 ', '👩‍👩‍👧‍👦 \u202eמירי\u202c', `O'Hara "; --`]) {
      const user = named(freshUser(), username);
      assert.deepEqual(await here.users.save(user), { user, created: true });
      assert.deepEqual(await there.users.find(user.id), user);
    }
  },

  'the first save sets the creation time, and later saves change the username': async ({
    processes: [here, there],
  }) => {
    const id = freshUser();
    await here.users.save(named(id, 'Anna'));
    for (const [n, username] of ['Ann', 'Anna', 'Anna', 'Zoe', 'Amy'].entries()) {
      const later = named(id, username, NOON + (n - 2) * DAY + 1);
      const saved = await there.users.save(later);
      assert.deepEqual(saved, { user: named(id, username), created: false });
      assert.deepEqual(await here.users.find(id), named(id, username));
    }
  },

  'of several concurrent first saves, exactly one creates the user': async ({ processes }) => {
    const id = freshUser();
    const saves = Array.from({ length: 8 }, (_, n) =>
      processes[n % 2 === 0 ? 0 : 1].users.save(named(id, n < 4 ? 'Anna' : 'Ann', NOON + n)),
    );
    const saved = await Promise.all(saves);
    const first = saved.filter(({ created }) => created);
    assert.equal(first.length, 1);
    for (const { user } of saved) assert.equal(user.createdAt, first[0]?.user.createdAt);
    assert.equal((await processes[0].users.find(id))?.createdAt, first[0]?.user.createdAt);
  },

  'ids that differ only in case are different users': async ({ processes: [here, there] }) => {
    const anna = named(`Anna-${freshUser()}` as UserId, 'Anna');
    const other = named(anna.id.toLowerCase() as UserId, 'Another');
    await here.users.save(anna);
    assert.deepEqual(await there.users.save(other), { user: other, created: true });
    assert.deepEqual(await there.users.find(anna.id), anna);
  },
} satisfies Contract<StorageSubject>;
