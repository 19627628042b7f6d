import type { UserId } from './ids.ts';
import { isLongerThan, isText } from './message.ts';
import { Refusal } from './refusal.ts';
import type { Microseconds } from './time.ts';

/** The profile of a user. Sending a message does not require one: the caller chooses the user ids. */
export interface User {
  readonly id: UserId;
  /** 1–100 code points. */
  readonly username: string;
  /** When the user was first saved. */
  readonly createdAt: Microseconds;
}

/** The maximum length of a username in code points. */
export const MAX_USERNAME_LENGTH = 100;

/** Returns `user` if the username is valid. Throws a `Refusal` if it is blank, too long or not storable text. */
export function composeUser(user: User): User {
  const { username } = user;
  if (!isText(username)) {
    throw new Refusal('username_not_text', 'The username contains a NUL or an unpaired surrogate.');
  }
  if (username.trim() === '') throw new Refusal('username_blank', 'The username is blank.');
  if (isLongerThan(username, MAX_USERNAME_LENGTH)) {
    throw new Refusal('username_too_long', `The username is longer than ${MAX_USERNAME_LENGTH} characters.`);
  }
  return user;
}
