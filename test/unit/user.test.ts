import { expect, test } from 'vitest';
import type { UserId } from '../../src/domain/ids.ts';
import type { RefusalCode } from '../../src/domain/refusal.ts';
import { composeUser, MAX_USERNAME_LENGTH, type User } from '../../src/domain/user.ts';

function userOf(username: string): User {
  return { id: 'a' as UserId, username, createdAt: 0 };
}

test.each(['a', ' Ada ', '😀'.repeat(MAX_USERNAME_LENGTH)])('a username may be %j', (username) => {
  expect(composeUser(userOf(username))).toEqual(userOf(username));
});

test.each<[string, RefusalCode]>([
  ['', 'username_blank'],
  [' \u3000', 'username_blank'],
  ['x'.repeat(MAX_USERNAME_LENGTH + 1), 'username_too_long'],
  ['😀'.repeat(MAX_USERNAME_LENGTH + 1), 'username_too_long'],
  ['a\0', 'username_not_text'],
  ['a\ud83d', 'username_not_text'],
])('a username may not be %j', (username, code) => {
  expect(() => composeUser(userOf(username))).toThrow(expect.objectContaining({ code }));
});
