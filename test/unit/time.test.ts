import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Position } from '../../src/domain/ids.ts';
import {
  messageIdAt,
  microsecondsOf,
  millisecondsOf,
  positionAbove,
  positionAtTimestamp,
  thousandthOf,
  timestampOf,
  timestampOfMicroseconds,
} from '../../src/domain/time.ts';

const instants = fc.maxSafeNat();
const thousandths = fc.nat(999);
const tails = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 13, maxLength: 13 });
const ZERO = '0'.repeat(13);

describe('a message id', () => {
  test('contains its time', () => {
    fc.assert(
      fc.property(instants, thousandths, tails, (time, thousandth, tail) => {
        const id = messageIdAt(time, thousandth, tail);
        expect(microsecondsOf(id)).toBe(time);
        expect(millisecondsOf(id)).toBe(Math.floor(time / 1000));
        expect(thousandthOf(id)).toBe(thousandth);
      }),
    );
  });

  test('prints its time to nine digits', () => {
    expect(timestampOf(messageIdAt(0, 0, ZERO))).toBe('1970-01-01T00:00:00.000000000Z');
    const time = Date.UTC(2026, 0, 31, 9, 30, 0, 123) * 1000;
    expect(timestampOf(messageIdAt(time + 456, 789, 'fffffffffffff'))).toBe('2026-01-31T09:30:00.123456789Z');
    expect(timestampOf(messageIdAt(time + 6, 9, ZERO))).toBe('2026-01-31T09:30:00.123006009Z');
  });

  test('prints the same date and time as the runtime, whatever was printed before', () => {
    const near = fc.integer({ min: -86_400_000_000, max: 86_400_000_000 });
    fc.assert(
      fc.property(fc.array(fc.tuple(instants, near), { maxLength: 5 }), (pairs) => {
        for (const time of pairs.flatMap(([instant, later]) => [instant, Math.max(instant + later, 0)])) {
          const expected = new Date(Math.floor(time / 1000)).toISOString().slice(0, -1);
          expect(timestampOfMicroseconds(time).slice(0, expected.length)).toBe(expected);
        }
      }),
    );
  });

  test('prints its time like a time in microseconds', () => {
    fc.assert(
      fc.property(instants, tails, (time, tail) => {
        expect(timestampOfMicroseconds(time)).toBe(timestampOf(messageIdAt(time, 0, tail)));
      }),
    );
  });

  test('sorts by time, then thousandth, then random part', () => {
    const steps = fc.constantFrom(-1, 0, 1);
    const near = fc.record({ later: steps, more: steps, other: tails });
    fc.assert(
      fc.property(instants, thousandths, tails, near, (time, thousandth, tail, { later, more, other }) => {
        fc.pre(time + later >= 0 && thousandth + more >= 0 && thousandth + more <= 999);
        const id = messageIdAt(time, thousandth, tail);
        const neighbour = messageIdAt(time + later, thousandth + more, other);
        expect(neighbour > id).toBe(later > 0 || (later === 0 && (more > 0 || (more === 0 && other > tail))));
        expect(neighbour < id).toBe(later < 0 || (later === 0 && (more < 0 || (more === 0 && other < tail))));
      }),
    );
  });
});

describe('a time used as a bound', () => {
  test('is the position of its id: exactly the ids before it are below', () => {
    fc.assert(
      fc.property(instants, thousandths, tails, tails, (time, thousandth, tail, other) => {
        const id = messageIdAt(time, thousandth, tail);
        const place = positionAtTimestamp(timestampOf(id))!;
        expect(place <= id).toBe(true);
        expect(place <= messageIdAt(time, thousandth, other)).toBe(true);
        if (thousandth > 0) expect(messageIdAt(time, thousandth - 1, other) < place).toBe(true);
        if (time > 0) expect(messageIdAt(time - 1, 999, other) < place).toBe(true);
        expect(timestampOf(place)).toBe(timestampOf(id));
      }),
    );
  });

  test('is the same in every offset', () => {
    const offsets = fc.record({
      sign: fc.constantFrom('+', '-', ' '),
      hours: fc.integer({ min: 0, max: 23 }),
      minutes: fc.integer({ min: 0, max: 59 }),
    });
    const year2000 = Date.UTC(2000, 0) * 1000;
    fc.assert(
      fc.property(fc.nat(2 ** 40), thousandths, offsets, (span, thousandth, { sign, hours, minutes }) => {
        const time = year2000 + span;
        const utc = timestampOf(messageIdAt(time, thousandth, ZERO));
        const ahead = (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000_000;
        const local = timestampOf(messageIdAt(time + ahead, thousandth, ZERO)).slice(0, -1);
        const offset = `${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
        expect(positionAtTimestamp(`${local}${offset}`)).toBe(positionAtTimestamp(utc));
      }),
    );
  });
});

/** The position of a time with nine digits, built by hand. */
function place(milliseconds: number, microsecond = 0, thousandth = 0): Position {
  return messageIdAt(milliseconds * 1000 + microsecond, thousandth, ZERO);
}

const NOON = Date.UTC(2026, 0, 31, 12);
const NEW_YEAR = Date.UTC(2017, 0, 1);

test.each<[string, string, Position]>([
  ['no fraction', '2026-01-31T12:00:00Z', place(NOON)],
  ['one digit', '2026-01-31T12:00:00.5Z', place(NOON + 500)],
  ['six digits', '2026-01-31T12:00:00.123456Z', place(NOON + 123, 456)],
  ['nine digits', '2026-01-31T12:00:00.123456789Z', place(NOON + 123, 456, 789)],
  ['ten digits, which round up', '2026-01-31T12:00:00.1234567891Z', place(NOON + 123, 456, 790)],
  ['a tenth digit of zero', '2026-01-31T12:00:00.1234567890Z', place(NOON + 123, 456, 789)],
  ['a thirtieth digit', `2026-01-31T12:00:00.${'0'.repeat(29)}1Z`, place(NOON, 0, 1)],
  ['rounding up through all digits', '2026-01-31T11:59:59.9999999999Z', place(NOON)],
  ['no offset, which is UTC', '2026-01-31T12:00:00', place(NOON)],
  ['lower case', '2026-01-31t12:00:00z', place(NOON)],
  ['a space instead of T', '2026-01-31 12:00:00Z', place(NOON)],
  ['an offset ahead', '2026-01-31T13:30:00+01:30', place(NOON)],
  ['a space instead of a plus sign', '2026-01-31T13:30:00 01:30', place(NOON)],
  ['an offset behind', '2026-01-31T04:00:00-08:00', place(NOON)],
  ['an offset into the next year', '2016-12-31T23:00:00-01:00', place(NEW_YEAR)],
  ['the offset for an unknown place', '2026-01-31T12:00:00-00:00', place(NOON)],
  ['a leap second', '2016-12-31T23:59:60Z', place(NEW_YEAR)],
  ['a fraction of a leap second', '2016-12-31T23:59:60.25Z', place(NEW_YEAR + 250)],
  ['a leap second in another time zone', '2017-01-01T08:59:60+09:00', place(NEW_YEAR)],
  ['29 February', '2024-02-29T00:00:00Z', place(Date.UTC(2024, 1, 29))],
  ['29 February of a year divisible by 400', '2000-02-29T00:00:00Z', place(Date.UTC(2000, 1, 29))],
  ['the first instant', '1970-01-01T00:00:00Z', place(0)],
  ['a time before 1970, below which there is nothing', '1969-12-31T23:59:59.999999999Z', place(0)],
  ['an offset to before 1970', '1970-01-01T00:00:00+00:01', place(0)],
  ['an offset to after 1970', '1969-12-31T23:59:00-00:01', place(0)],
  ['the year 0', '0000-01-01T00:00:00Z', place(0)],
  ['the last second of the year 9999', '9999-12-31T23:59:59Z', place(Date.UTC(9999, 11, 31, 23, 59, 59))],
  ['a time after the year 9999', '9999-12-31T23:59:59-01:00', place(Date.UTC(10_000, 0, 1, 0, 59, 59))],
])('a time may have %s: %s', (_, text, expected) => {
  expect(positionAtTimestamp(text)).toBe(expected);
});

test.each([
  '',
  'now',
  '1769860800',
  '2026-01-31',
  '2026-01-31T12:00Z',
  '2026-01-31T12:00:00.Z',
  '2026-01-31T12:00:00,5Z',
  `2026-01-31T12:00:00.${'1'.repeat(31)}Z`,
  '2026-01-31T12:00:00+01',
  '2026-01-31T12:00:00+0100',
  '2026-01-31T12:00:00+24:00',
  '2026-01-31T12:00:00+01:60',
  '2026-01-31T12:00:00 Z',
  '2026-01-31T24:00:00Z',
  '2026-01-31T12:60:00Z',
  '2026-01-31T12:00:61Z',
  '2026-00-31T12:00:00Z',
  '2026-13-01T12:00:00Z',
  '2026-01-00T12:00:00Z',
  '2026-01-32T12:00:00Z',
  '2026-02-29T12:00:00Z',
  '2026-02-30T12:00:00Z',
  '2026-04-31T12:00:00Z',
  '1900-02-29T12:00:00Z',
  '+002026-01-31T12:00:00Z',
  '26-01-31T12:00:00Z',
  ' 2026-01-31T12:00:00Z',
  '2026-01-31T12:00:00Z\n',
  '２０２６-01-31T12:00:00Z',
])('%j is no time', (text) => {
  expect(positionAtTimestamp(text)).toBeNull();
});

test.each([
  ['01a225ee-de9c-70c5-b38a-a879b198d5b3', '01a225ee-de9c-70c5-b38a-a879b198d5b4'],
  ['01a225ee-de9c-70c5-b38a-a879b198d5ff', '01a225ee-de9c-70c5-b38a-a879b198d600'],
  ['01a225ee-de9c-70c5-b38a-ffffffffffff', '01a225ee-de9c-70c5-b38b-000000000000'],
  ['00000000-0000-7000-8000-000000000000', '00000000-0000-7000-8000-000000000001'],
])('the lowest position above %s is %s', (position, above) => {
  expect(positionAbove(position as Position)).toBe(above);
});
