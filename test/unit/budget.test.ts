import { expect, test } from 'vitest';
import { makeBudget } from '../../src/application/budget.ts';

test('a caller uses at most the share, and all callers at most the total', () => {
  const memory = makeBudget({ total: 10, share: 4 });
  expect(memory.reserve('a', 3)).toBe(true);
  expect(memory.reserve('a', 2)).toBe(false);
  expect(memory.reserve('a', 1)).toBe(true);
  expect(memory.reserve('b', 4)).toBe(true);
  expect(memory.reserve('c', 3)).toBe(false);
  expect(memory.reserve('c', 2)).toBe(true);
  memory.release('a', 4);
  expect(memory.reserve('c', 3)).toBe(false);
  expect(memory.reserve('c', 2)).toBe(true);
});

test('a caller without a share is limited only by the total', () => {
  const memory = makeBudget({ total: 10, share: 4 });
  expect(memory.reserve(null, 10)).toBe(true);
  expect(memory.reserve('a', 1)).toBe(false);
  memory.release(null, 10);
  expect(memory.reserve('a', 1)).toBe(true);
});
