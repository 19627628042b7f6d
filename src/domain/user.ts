import type { UserId } from './ids.ts';
import { isLongerThan, isText } from './message.ts';
import { Refusal } from './refusal.ts';
import type { Microseconds } from './time.ts';

/** A user, as far as the messenger knows them. Sending needs none: ids are the caller's own. */
export interface User {
  readonly id: UserId;
  /** 1–100 code points. */
  readonly username: string;
  /** When the user was first saved. */
  readonly createdAt: Microseconds;
}

/** The most code points that a username may hold. */
export const MAX_USERNAME_LENGTH = 100;

/** A user whose name has been found fit. Refuses what is blank, too long, or not text that can be kept. */
export function composeUser(user: User): User {
  const { username } = user;
  if (!isText(username)) {
    throw new Refusal('username_not_text', 'The username holds a NUL or half of a surrogate pair.');
  }
  if (username.trim() === '') throw new Refusal('username_blank', 'The username is blank.');
  if (isLongerThan(username, MAX_USERNAME_LENGTH)) {
    throw new Refusal('username_too_long', `The username is longer than ${MAX_USERNAME_LENGTH} characters.`);
  }
  return user;
}
