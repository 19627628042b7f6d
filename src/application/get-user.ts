import type { UserId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import type { User } from '../domain/user.ts';
import type { UserRepository } from './ports/user-repository.ts';

export interface GetUserQuery {
  readonly userId: UserId;
}

/**
 * A saved user, for any caller: people whom a user writes to must be able to see that user's name. Refuses with
 * `user_not_found`.
 */
export type GetUser = (query: GetUserQuery) => Promise<User>;

export function makeGetUser(deps: { users: UserRepository }): GetUser {
  return async ({ userId }) => {
    const user = await deps.users.find(userId);
    if (user === null) throw new Refusal('user_not_found', 'There is no such user.');
    return user;
  };
}
