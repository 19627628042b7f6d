import fc from 'fast-check';
import { v7, validate, version } from 'uuid';
import { describe, expect, test } from 'vitest';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { messageIdFrom, type MessageId } from '../../src/domain/ids.ts';
import { messageIdAt, microsecondsOf, thousandthOf, type Microseconds } from '../../src/domain/time.ts';

const NOON: Microseconds = Date.UTC(2026, 0, 31, 12) * 1000;

function idsAt(times: readonly Microseconds[]): MessageId[] {
  const left = times.values();
  const ids = makeMessageIds({ clock: { now: () => left.next().value ?? NOON } });
  return times.map(() => ids.next());
}

describe('message ids', () => {
  test.each<[string, readonly Microseconds[], readonly Microseconds[]]>([
    ['stands still', [NOON, NOON, NOON], [NOON, NOON + 1, NOON + 2]],
    ['steps back an hour', [NOON, NOON - 3_600_000_000, NOON - 3_600_000_000], [NOON, NOON + 1, NOON + 2]],
    ['catches up', [NOON, NOON, NOON + 1, NOON + 5], [NOON, NOON + 1, NOON + 2, NOON + 5]],
    ['shows whole milliseconds', [NOON, NOON, NOON + 1000], [NOON, NOON + 1, NOON + 1000]],
    [
      'steps ahead',
      [NOON, NOON + 3_600_000_000, NOON + 1],
      [NOON, NOON + 3_600_000_000, NOON + 3_600_000_001],
    ],
  ])('go on when the clock %s', (_, times, expected) => {
    expect(idsAt(times).map(microsecondsOf)).toEqual(expected);
  });

  test('increase by whole microseconds for any clock, and are at its time if possible', () => {
    const times = fc.array(fc.integer({ min: NOON, max: NOON + 20 }), { minLength: 2, maxLength: 600 });
    fc.assert(
      fc.property(times, (readings) => {
        const ids = idsAt(readings);
        let last = -Infinity;
        for (const [index, id] of ids.entries()) {
          expect(microsecondsOf(id)).toBe(Math.max(readings[index]!, last + 1));
          last = microsecondsOf(id);
        }
        expect([...ids].sort()).toEqual(ids);
      }),
    );
  });

  test('are UUIDs of version 7 with fields in their ranges', () => {
    for (const id of idsAt(Array<number>(2000).fill(NOON))) {
      expect(validate(id) && version(id)).toBe(7);
      expect(messageIdFrom(id)).toBe(id);
    }
  });

  test('have random parts that do not repeat', () => {
    const ids = idsAt(Array<number>(20_000).fill(NOON));
    expect(new Set(ids.map((id) => id.slice(-12))).size).toBe(ids.length);
    // Each of the thousand values comes about twenty times; one is missing with a probability of one in half a million.
    expect(new Set(ids.map(thousandthOf)).size).toBe(1000);
    const mean = ids.reduce((sum, id) => sum + thousandthOf(id), 0) / ids.length;
    expect(mean).toBeGreaterThan(485);
    expect(mean).toBeLessThan(515);
    // Each digit of the tail takes every value, independently of the others.
    const tails = ids.map((id) => id.slice(22, 23) + id.slice(24));
    for (let digit = 0; digit < 13; digit += 1) {
      expect(new Set(tails.map((tail) => tail[digit])).size).toBe(16);
      for (let other = 0; other < digit; other += 1) {
        const pairs = new Set(tails.map((tail) => `${tail[digit]}${tail[other]}`));
        expect(pairs.size).toBe(256);
      }
    }
  });
});

test('the layout is that of RFC 9562, like in the uuid package', () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const ten = fc.nat(1023);
  fc.assert(
    fc.property(
      fc.nat(2 ** 31),
      fc.nat(999),
      fc.nat(999),
      ten,
      bytes,
      (seconds, microsecond, thousandth, low, random) => {
        const msecs = seconds * 1000 + 7;
        const seq = ((microsecond << 20) | (thousandth << 10) | low) >>> 0;
        const theirs = v7({ msecs, seq, random });
        const tail = theirs.slice(22, 23) + theirs.slice(24);
        expect(messageIdAt(msecs * 1000 + microsecond, thousandth, tail)).toBe(theirs);
      },
    ),
  );
});
