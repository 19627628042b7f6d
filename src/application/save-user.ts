import type { UserId } from '../domain/ids.ts';
import { composeUser, type User } from '../domain/user.ts';
import type { Clock } from './ports/clock.ts';
import type { UserRepository } from './ports/user-repository.ts';

export interface SaveUserCommand {
  readonly userId: UserId;
  readonly username: string;
}

export interface SaveUserResult {
  readonly user: User;
  /** Whether this was the first save; of several in the same instant one alone says so. */
  readonly created: boolean;
}

/** Saves a user's name. Refuses with `username_blank`, `username_too_long` or `username_not_text`. */
export type SaveUser = (command: SaveUserCommand) => Promise<SaveUserResult>;

export function makeSaveUser(needs: { users: UserRepository; clock: Clock }): SaveUser {
  return async ({ userId, username }) =>
    needs.users.save(composeUser({ id: userId, username, createdAt: needs.clock.now() }));
}
