import fc from 'fast-check';
import { v4 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { conversationIdFrom, idempotencyKeyFrom, messageIdFrom, userIdFrom } from '../../src/domain/ids.ts';
import { messageIdAt } from '../../src/domain/time.ts';

const tails = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 13, maxLength: 13 });

describe('a user id', () => {
  test.each(['1', 'a', 'A.b_c:d@e-f', '...', '.a', v4(), 'x'.repeat(64)])('may be %j', (text) => {
    expect(userIdFrom(text)).toBe(text);
  });

  test.each([
    '',
    '.',
    '..',
    'x'.repeat(65),
    ' a',
    'a ',
    'a b',
    'a/b',
    'a\n',
    '\na',
    'a\nb',
    'ä',
    'а',
    '😀',
    'a\0',
    '%2e',
    'a+b',
  ])('may not be %j', (text) => {
    expect(userIdFrom(text)).toBeNull();
  });

  test('may be any text of its alphabet, and no other', () => {
    const fit = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@-'];
    const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
    expect(ascii.filter((character) => userIdFrom(`a${character}`) !== null).sort()).toEqual(fit.sort());
    const texts = fc.string({ unit: fc.constantFrom(...fit), maxLength: 70 });
    fc.assert(
      fc.property(texts, fc.constantFrom('', '', '/', 'é'), (text, unfit) => {
        const isFit = unfit === '' && text.length >= 1 && text.length <= 64 && !/^\.{1,2}$/.test(text);
        expect(userIdFrom(text + unfit)).toBe(isFit ? text : null);
      }),
    );
  });
});

describe('a conversation id', () => {
  test('is a UUID of any version, in upper or lower case', () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        expect(conversationIdFrom(uuid)).toBe(uuid);
        expect(conversationIdFrom(uuid.toUpperCase())).toBe(uuid);
      }),
    );
  });

  test.each([
    '',
    '1',
    '{018f0000-0000-7000-8000-000000000000}',
    '018f0000000070008000000000000000',
    '018f0000-0000-7000-8000-00000000000',
    '018f0000-0000-7000-8000-0000000000000',
    '018f0000-0000-7000-8000-00000000000g',
    '018f0000-0000-7000-8000-000000000000\n',
    ' 018f0000-0000-7000-8000-000000000000',
  ])('may not be %j', (text) => {
    expect(conversationIdFrom(text)).toBeNull();
  });
});

describe('a message id', () => {
  test.each([
    '018f0000-0000-7000-8000-000000000000',
    '018f0000-0000-73e7-be7f-ffffffffffff',
    messageIdAt(1_700_000_000_123_456, 789, 'fedcba9876543'),
  ])('may be %s', (text) => {
    expect(messageIdFrom(text)).toBe(text);
    expect(messageIdFrom(text.toUpperCase())).toBe(text);
  });

  test.each([
    ['is of another version', '018f0000-0000-4000-8000-000000000000'],
    ['is of another variant', '018f0000-0000-7000-c000-000000000000'],
    ['has microsecond 1000', '018f0000-0000-73e8-8000-000000000000'],
    ['has microsecond 1000 in upper case', '018F0000-0000-73E8-8000-000000000000'],
    ['has microsecond 1024', '018f0000-0000-7400-8000-000000000000'],
    ['has thousandth 1000', '018f0000-0000-7000-be80-000000000000'],
    ['has thousandth 1008', '018f0000-0000-7000-bf00-000000000000'],
    ['is longer', '018f0000-0000-7000-8000-0000000000000'],
    ['has a line break', '018f0000-0000-7000-8000-000000000000\n'],
    ['is empty', ''],
  ])('may be none that %s', (_, text) => {
    expect(messageIdFrom(text)).toBeNull();
  });

  test('is parsed from any made id', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(999), tails, (time, thousandth, tail) => {
        const id = messageIdAt(time, thousandth, tail);
        expect(messageIdFrom(id)).toBe(id);
      }),
    );
  });
});

describe('an idempotency key', () => {
  test.each(['!', '~', 'a', v4(), '"quoted"', 'x'.repeat(255)])('may be %j', (text) => {
    expect(idempotencyKeyFrom(text)).toBe(text);
  });

  test.each(['', ' ', 'a b', 'a\t', 'a\n', '\x7f', '\x1f', 'é', '😀', 'x'.repeat(256)])(
    'may not be %j',
    (text) => {
      expect(idempotencyKeyFrom(text)).toBeNull();
    },
  );
});
