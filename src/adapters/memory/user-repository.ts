import type { UserRepository } from '../../application/ports/user-repository.ts';
import type { UserId } from '../../domain/ids.ts';
import type { User } from '../../domain/user.ts';

/** The users that were saved, in this process's memory. */
export class MemoryUserRepository implements UserRepository {
  readonly #users = new Map<UserId, User>();

  find(id: UserId): Promise<User | null> {
    return Promise.resolve(this.#users.get(id) ?? null);
  }

  save({ id, username, createdAt }: User): Promise<{ readonly user: User; readonly created: boolean }> {
    const known = this.#users.get(id);
    const user = Object.freeze({ id, username, createdAt: known?.createdAt ?? createdAt });
    this.#users.set(id, user);
    return Promise.resolve({ user, created: known === undefined });
  }
}
