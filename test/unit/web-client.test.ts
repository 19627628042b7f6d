import { describe, expect, test } from 'vitest';
import { daysOf, type ShownMessage } from '../../web/src/message-rows.ts';
import { avatarOf, colorOf, initialsOf, titleOf } from '../../web/src/people.ts';
import { isEmojiOnly, textParts } from '../../web/src/text-parts.ts';
import { dayName, shortTime } from '../../web/src/time.ts';
import { userOfToken } from '../../web/src/token-user.ts';

describe('people', () => {
  test.each([
    ['Ada Okafor', 'AO'],
    ['Ada Maria Okafor', 'AO'],
    ['cleo', 'C'],
    ['user-12', 'U1'],
    ['美玲 Chen', '美C'],
    ['Дмитрий Ivanov', 'ДI'],
    ['🙂', '?'],
    ['', '?'],
  ])('%j has the initials %j', (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });

  test('a colour is stable, and all colours are used', () => {
    expect(colorOf('ada')).toBe(colorOf('ada'));
    const colors = new Set(Array.from({ length: 200 }, (_, index) => colorOf(`user-${index}`)));
    expect([...colors].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('a conversation has the name of the others, of the group, or one’s own', () => {
    const names = { ada: 'Ada', ben: 'Ben' };
    expect(titleOf({ name: null, participant_ids: ['ada', 'ben'] }, 'ada', names)).toBe('Ben');
    expect(titleOf({ name: null, participant_ids: ['ada', 'cleo'] }, 'ada', names)).toBe('cleo');
    expect(titleOf({ name: null, participant_ids: ['ada'] }, 'ada', names)).toBe('Ada (you)');
    expect(titleOf({ name: null, participant_ids: ['ada', 'ben', 'cleo'] }, 'ada', names)).toBe('Ben, cleo');
    const many = Array.from({ length: 256 }, (_, index) => `user-${index}`);
    expect(titleOf({ name: null, participant_ids: many }, 'user-0', {})).toBe(
      'user-1, user-2, user-3 and 252 others',
    );
    expect(titleOf({ name: null, participant_ids: many.slice(0, 5) }, 'user-0', {})).toBe(
      'user-1, user-2, user-3, user-4',
    );
    expect(titleOf({ participant_ids: null, name: 'Climbing' }, 'ada', names)).toBe('Climbing');
    expect(avatarOf({ id: 'c', name: null, participant_ids: ['ada', 'ben'] }, 'ada', names)).toEqual({
      id: 'ben',
      name: 'Ben',
    });
    expect(avatarOf({ id: 'c', name: null, participant_ids: many }, 'ada', names)).toEqual({
      id: 'c',
      name: 'Group',
    });
    expect(avatarOf({ id: 'c', name: null, participant_ids: ['ada'] }, 'ada', names)).toEqual({
      id: 'ada',
      name: 'Ada',
    });
  });
});

describe('times', () => {
  const now = new Date(2026, 10, 28, 12, 0);
  test.each([
    [new Date(2026, 10, 28, 0, 0), 'Today', null],
    [new Date(2026, 10, 27, 23, 59), 'Yesterday', 'Yesterday'],
    [new Date(2026, 10, 26, 9, 0), 'Thursday', 'Thu'],
    [new Date(2026, 10, 22, 9, 0), 'Sunday', 'Sun'],
    [new Date(2026, 10, 21, 9, 0), '21 November', '21 Nov'],
    [new Date(2025, 2, 3, 9, 0), '3 March 2025', '3 Mar 2025'],
    // The clock of another host may be ahead.
    [new Date(2026, 10, 29, 0, 1), '29 November', '29 Nov'],
  ])('%s is %s', (time, day, short) => {
    expect(dayName(time, now)).toBe(day);
    if (short !== null) expect(shortTime(time, now)).toBe(short);
  });
});

test('messages are grouped by day, by sender, by state and by pauses', () => {
  const message = (senderId: string, time: Date, state: ShownMessage['state'] = 'sent'): ShownMessage => ({
    key: `${senderId}${time.toISOString()}`,
    senderId,
    content: 'Hi',
    time,
    isDeleted: false,
    isEdited: false,
    state,
    problem: null,
  });
  const at = (day: number, hour: number, minute: number): Date => new Date(2026, 10, day, hour, minute);
  const days = daysOf([
    message('ada', at(27, 23, 58)),
    message('ada', at(28, 0, 1)),
    message('ada', at(28, 0, 2)),
    message('ben', at(28, 0, 3)),
    message('ben', at(28, 0, 9)),
    message('ada', at(28, 0, 10)),
    message('ada', at(28, 0, 10), 'pending'),
  ]);
  const shape = days.map(({ rows }) => rows.map(({ startsGroup, endsGroup }) => [startsGroup, endsGroup]));
  const [alone, first, last] = [
    [true, true],
    [true, false],
    [false, true],
  ];
  expect(shape).toEqual([[alone], [first, last, alone, alone, alone, alone]]);
});

test('a message of the outbox stays in the last day, also if it is older, or the clock is behind', () => {
  const at = (day: number): Date => new Date(2026, 10, day, 12, 0);
  const message = (time: Date, state: ShownMessage['state']): ShownMessage => ({
    key: `${state}${time.toISOString()}`,
    senderId: 'ada',
    content: 'Hi',
    time,
    isDeleted: false,
    isEdited: false,
    state,
    problem: null,
  });
  const days = daysOf([
    message(at(27), 'sent'),
    message(at(28), 'sent'),
    message(at(26), 'failed'),
    message(at(27), 'pending'),
    message(at(29), 'pending'),
  ]);
  expect(days.map(({ key, rows }) => [key, rows.length])).toEqual([
    ['2026-11-27', 1],
    ['2026-11-28', 3],
    ['2026-11-29', 1],
  ]);
});

describe('the text of a message', () => {
  test.each([
    ['no address', ['no address']],
    ['see https://example.com/a?b=c#d.', ['see ', '*https://example.com/a?b=c#d', '.']],
    ['(http://example.com)', ['(', '*http://example.com', ')']],
    ['javascript:alert(1)', ['javascript:alert(1)']],
    ['"https://example.com/"onclick="x"', ['"', '*https://example.com/', '"onclick="x"']],
  ])('%j is split at addresses', (text, parts) => {
    expect(textParts(text).map((part) => (part.isLink ? '*' : '') + part.text)).toEqual(parts);
    expect(
      textParts(text)
        .map((part) => part.text)
        .join(''),
    ).toBe(text);
  });

  test('takes linear time to split: a quadratic one would exceed the time limit of this test', () => {
    expect(textParts('https://'.repeat(2_500))).toHaveLength(1);
    expect(textParts(`https://${'.'.repeat(20_000)}`)).toHaveLength(1);
    expect(isEmojiOnly('🙂'.repeat(10_000))).toBe(false);
    expect(isEmojiOnly(`👩${'\u200D👩'.repeat(6_000)}!`)).toBe(false);
  });

  test.each([
    ['👍', true],
    ['👍🏽 ❤️', true],
    ['👩‍👩‍👧', true],
    ['🇳🇱 🇳🇬', true],
    ['🙂🙂🙂🙂', false],
    ['ok 👍', false],
    ['1', false],
    ['', false],
  ])('%j is only emoji: %s', (text, expected) => {
    expect(isEmojiOnly(text)).toBe(expected);
  });
});

test('a token names its user', () => {
  const tokenWith = (payload: unknown): string =>
    `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.signature`;
  expect(userOfToken(tokenWith({ sub: 'ada' }))).toBe('ada');
  expect(userOfToken(tokenWith({ sub: 'zoë-ÿ' }))).toBe('zoë-ÿ');
  for (const text of [
    '',
    'ada',
    'a.b.c',
    tokenWith({}),
    tokenWith(null),
    tokenWith({ sub: 1 }),
    tokenWith({ sub: '' }),
  ]) {
    expect(userOfToken(text)).toBeNull();
  }
});
