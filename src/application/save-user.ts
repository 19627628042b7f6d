import { canActAs, type Caller } from '../domain/caller.ts';
import type { UserId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import { composeUser, type User } from '../domain/user.ts';
import type { Clock } from './ports/clock.ts';
import type { UserRepository } from './ports/user-repository.ts';

export interface SaveUserCommand {
  readonly caller: Caller;
  readonly userId: UserId;
  readonly username: string;
}

export interface SaveUserResult {
  readonly user: User;
  /** Whether this was the first save; true for exactly one of several concurrent saves. */
  readonly created: boolean;
}

/** Saves a user's name. Refuses with `name_of_another`, `username_blank`, `username_too_long` or `username_not_text`. */
export type SaveUser = (command: SaveUserCommand) => Promise<SaveUserResult>;

export function makeSaveUser(deps: { users: UserRepository; clock: Pick<Clock, 'now'> }): SaveUser {
  return async ({ caller, userId, username }) => {
    if (!canActAs(caller, userId)) {
      throw new Refusal('name_of_another', 'A user may only set their own name.');
    }
    return deps.users.save(composeUser({ id: userId, username, createdAt: deps.clock.now() }));
  };
}
