import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Position } from '../../src/domain/ids.ts';
import {
  MAX_PAGE_BYTES,
  MAX_PAGE_SIZE,
  NUMBERED_ROWS,
  pageOf,
  sliceOf,
  type PageRequest,
} from '../../src/domain/page.ts';
import { messageIdAt } from '../../src/domain/time.ts';
import { plainSlice } from '../support/plain-list.ts';

const itself = (position: Position): Position => position;
/** A list of `length` positions, newest first. */
const listOf = (length: number): Position[] =>
  Array.from({ length }, (_, index) => messageIdAt(length - index, 0, '0'.repeat(13)));

const limits = fc.integer({ min: 1, max: MAX_PAGE_SIZE });

function pageIn(list: readonly Position[], request: PageRequest) {
  return pageOf(plainSlice(list, sliceOf(request), itself), request, { positionOf: itself });
}

describe('pages joined', () => {
  test('by cursor are the whole list', () => {
    fc.assert(
      fc.property(fc.nat(300), limits, (length, limit) => {
        const list = listOf(length);
        const joined: Position[] = [];
        let before: Position | null = null;
        do {
          const page = pageIn(list, { before, limit, page: null });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          joined.push(...page.items);
          before = page.next;
        } while (before !== null);
        expect(joined).toEqual(list);
      }),
    );
  });

  test('by number are the whole list', () => {
    fc.assert(
      fc.property(fc.nat(300), limits, (length, limit) => {
        const list = listOf(length);
        const count = Math.ceil(length / limit);
        const pages = Array.from({ length: count }, (_, index) =>
          pageIn(list, { before: null, limit, page: index + 1 }),
        );
        expect(pages.flatMap(({ items }) => items)).toEqual(list);
        expect(pages.map(({ next }) => next !== null)).toEqual(pages.map((_, index) => index < count - 1));
      }),
    );
  });
});

describe('page numbers', () => {
  test.each([
    [1, 1],
    [NUMBERED_ROWS, 1],
    [NUMBERED_ROWS / MAX_PAGE_SIZE, MAX_PAGE_SIZE],
    [666, 3],
  ])('reach page %i of %i rows', (page, limit) => {
    expect(sliceOf({ before: null, page, limit })).toEqual({
      before: null,
      offset: (page - 1) * limit,
      limit: limit + 1,
    });
  });

  test.each([
    [NUMBERED_ROWS + 1, 1],
    [NUMBERED_ROWS / MAX_PAGE_SIZE + 1, MAX_PAGE_SIZE],
    [667, 3],
    [Number.MAX_SAFE_INTEGER, 100],
  ])('do not reach page %i of %i rows', (page, limit) => {
    expect(() => sliceOf({ before: null, page, limit })).toThrow(
      expect.objectContaining({ code: 'page_too_deep' }),
    );
  });
});

test('an empty page is the last one', () => {
  expect(pageOf([], { before: null, limit: 1, page: null }, { positionOf: itself })).toEqual({
    items: [],
    next: null,
  });
});

describe('the content of a page', () => {
  const bytesOf = (bytes: readonly number[], list: readonly Position[]) => (position: Position) =>
    bytes[list.indexOf(position)] ?? 0;

  test('ends before the item that would exceed a mebibyte, and the next page continues there', () => {
    const list = listOf(4);
    const request: PageRequest = { before: null, limit: 100, page: null };
    const bytes = bytesOf([MAX_PAGE_BYTES - 1, 1, 1, 1], list);
    expect(pageOf(list, request, { positionOf: itself, bytesOf: bytes })).toEqual({
      items: list.slice(0, 2),
      next: list[1],
    });
  });

  test('is at least one item of any size', () => {
    const list = listOf(2);
    const bytes = bytesOf([MAX_PAGE_BYTES + 1, 1], list);
    const page = pageOf(list, { before: null, limit: 2, page: null }, { positionOf: itself, bytesOf: bytes });
    expect(page).toEqual({ items: list.slice(0, 1), next: list[0] });
  });

  test('is never cut on a numbered page', () => {
    const list = listOf(3);
    const bytes = bytesOf([MAX_PAGE_BYTES, MAX_PAGE_BYTES, MAX_PAGE_BYTES], list);
    const page = pageOf(list, { before: null, limit: 3, page: 1 }, { positionOf: itself, bytesOf: bytes });
    expect(page).toEqual({ items: list, next: null });
  });
});
