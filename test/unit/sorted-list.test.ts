import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SortedList } from '../../src/adapters/memory/sorted-list.ts';
import type { Position } from '../../src/domain/ids.ts';
import { messageIdAt } from '../../src/domain/time.ts';
import { plainSlice } from '../support/plain-list.ts';

const at = (time: number): Position => messageIdAt(time, 0, '0'.repeat(13));
const itself = (position: Position): Position => position;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Long enough for many chunks in any order of insertion. */
const fillings: Readonly<Record<string, readonly number[]>> = {
  nothing: [],
  'items in order': numbers(3_000),
  'items in reverse order': numbers(3_000).reverse(),
  'items in random order': numbers(3_000).map((n) => (n * 1_009) % 3_000),
};

describe('a sorted list of', () => {
  test.each(Object.entries(fillings))('%s equals sorting on each read', (_, filling) => {
    const time = fc.nat(3_100);
    const change = fc.record({ change: fc.constantFrom('add', 'remove'), from: time, count: fc.nat(700) });
    const look = fc.record({ before: fc.option(time), offset: fc.nat(3_100), limit: fc.nat(1_200) });
    fc.assert(
      fc.property(fc.array(fc.oneof(change, look), { maxLength: 12 }), (steps) => {
        const list = new SortedList(itself);
        const plain = new Set<Position>();
        for (const n of filling) {
          list.add(at(n));
          plain.add(at(n));
        }
        for (const step of steps) {
          if ('limit' in step) {
            const slice = { ...step, before: step.before === null ? null : at(step.before) };
            expect(list.below(slice)).toEqual(plainSlice([...plain], slice, itself));
          } else {
            for (const position of numbers(step.count).map((n) => at(step.from + n))) {
              if (step.change === 'add') {
                list.add(position);
                plain.add(position);
              } else {
                list.remove(position);
                plain.delete(position);
              }
            }
          }
        }
        const everything = { before: null, offset: 0, limit: Infinity };
        expect(list.below(everything)).toEqual(plainSlice([...plain], everything, itself));
      }),
      { numRuns: 25 },
    );
  });

  test('a list of a hundred thousand compares few more items than one of a hundred', () => {
    const comparisons = (length: number): number => {
      let count = 0;
      const list = new SortedList((position: Position) => {
        count += 1;
        return position;
      });
      for (const n of numbers(length)) list.add(at(n));
      count = 0;
      list.below({ before: at(length / 2), offset: 0, limit: 20 });
      list.remove(at(length / 2));
      list.add(at(length));
      return count;
    };
    expect(comparisons(100_000)).toBeLessThan(3 * comparisons(100));
  });
});
