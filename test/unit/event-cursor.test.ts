import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  eventCursorFrom,
  eventCursorText,
  EVENT_CURSOR_PATTERN,
} from '../../src/adapters/http/event-cursors.ts';
import { cursorText } from '../../src/adapters/http/cursor-text.ts';
import { MAX_HASHES } from '../../src/domain/event-cursor.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { positionAt } from '../../src/domain/time.ts';

const anna = 'anna' as UserId;
const hash = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((n) => n.toString(16).padStart(16, '0'));
const cursors = fc.record({
  floor: fc.integer({ min: 0, max: 4e15 }).map(positionAt),
  delivered: fc.array(hash, { maxLength: 30 }).map((hashes) => new Set(hashes)),
});

describe('the text of a cursor for events', () => {
  test('is decoded as it was encoded, and is URL-safe', () => {
    fc.assert(
      fc.property(cursors, (cursor) => {
        const text = eventCursorText(anna, cursor);
        expect(text).toMatch(EVENT_CURSOR_PATTERN);
        expect(eventCursorFrom(anna, text)).toEqual(cursor);
      }),
    );
  });

  test('is invalid if a character is changed, lost or added, or for another user', () => {
    fc.assert(
      fc.property(cursors, fc.nat(), fc.constantFrom('A', 'z', '-', '_', ''), (cursor, at, other) => {
        const text = eventCursorText(anna, cursor);
        const place = at % text.length;
        const changed = text.slice(0, place) + other + text.slice(place + 1);
        if (changed !== text) expect(eventCursorFrom(anna, changed)).toBeNull();
        expect(eventCursorFrom(anna, `${text}A`)).toBeNull();
        expect(eventCursorFrom('ben' as UserId, text)).toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  test('contains the newest events and has a bounded length', () => {
    const all = Array.from({ length: MAX_HASHES + 5 }, (_, n) => n.toString(16).padStart(16, '0'));
    const text = eventCursorText(anna, { floor: positionAt(1), delivered: new Set(all) });
    expect(text).toMatch(EVENT_CURSOR_PATTERN);
    expect(text.length).toBe(5_362);
    expect([...(eventCursorFrom(anna, text)?.delivered ?? [])]).toEqual(all.slice(5));
  });

  test.each([2, 14, 18, 32])(
    'is invalid with %i digits of a part of a hash, or of one hash twice',
    (length) => {
      const digits = `13${positionAt(1).replaceAll('-', '')}${'a'.repeat(length)}`;
      expect(eventCursorFrom(anna, cursorText(anna, digits))).toBeNull();
    },
  );

  test.each(['', 'A', 'A'.repeat(28), 'A'.repeat(6_000), '%%%', 'ä'.repeat(28)])('is not %s', (text) => {
    expect(eventCursorFrom(anna, text)).toBeNull();
  });
});
