import { expect, test } from 'vitest';
import { measured, median, percentile, ratios } from '../../bench/statistics.ts';

test('the median is the middle value, or the mean of the two middle values, in numeric order', () => {
  expect(median([100, 9, 20])).toBe(20);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
});

test('a percentile is the smallest value that its share of the values does not exceed', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(hundred, 0.99)).toBe(99);
  expect(percentile(hundred, 0.5)).toBe(50);
  expect(percentile(hundred, 1)).toBe(100);
  expect(percentile([...hundred, 1_000], 0.99)).toBe(100);
  expect(percentile([5], 0.99)).toBe(5);
  expect(percentile([3, 1, 2], 0)).toBe(1);
});

test('no measurements give NaN', () => {
  expect(() => median([])).toThrow(RangeError);
  expect(() => percentile([], 0.5)).toThrow(RangeError);
});

test('a measured figure has its spread', () => {
  expect(measured([3, 1, 8])).toEqual({ median: 3, low: 1, high: 8 });
});

test('ratios are per round: a slow round of both sides changes nothing', () => {
  expect(ratios([90, 9, 45], [100, 10, 50])).toEqual({ median: 0.9, low: 0.9, high: 0.9 });
  expect(ratios([1, 4, 2], [2, 2, 2])).toEqual({ median: 1, low: 0.5, high: 2 });
  expect(() => ratios([1, 2], [1])).toThrow(RangeError);
});
