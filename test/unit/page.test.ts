import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Position } from '../../src/domain/ids.ts';
import { MAX_PAGE_SIZE, NUMBERED_ROWS, pageOf, stretchOf, type PageRequest } from '../../src/domain/page.ts';
import { messageIdAt } from '../../src/domain/time.ts';
import { plainStretch } from '../support/plain-list.ts';

const itself = (position: Position): Position => position;
/** A list of `length` places, newest first. */
const listOf = (length: number): Position[] =>
  Array.from({ length }, (_, index) => messageIdAt(length - index, 0, '0'.repeat(13)));

const limits = fc.integer({ min: 1, max: MAX_PAGE_SIZE });

function pageIn(list: readonly Position[], request: PageRequest) {
  return pageOf(plainStretch(list, stretchOf(request), itself), request, itself);
}

describe('pages joined', () => {
  test('by their next place are the whole list', () => {
    fc.assert(
      fc.property(fc.nat(300), limits, (length, limit) => {
        const list = listOf(length);
        const joined: Position[] = [];
        let before: Position | null = null;
        do {
          const page = pageIn(list, { before, limit, page: 1 });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          joined.push(...page.items);
          before = page.next;
        } while (before !== null);
        expect(joined).toEqual(list);
      }),
    );
  });

  test('by their number are the whole list', () => {
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
    expect(stretchOf({ before: null, page, limit })).toEqual({
      before: null,
      skip: (page - 1) * limit,
      limit: limit + 1,
    });
  });

  test.each([
    [NUMBERED_ROWS + 1, 1],
    [NUMBERED_ROWS / MAX_PAGE_SIZE + 1, MAX_PAGE_SIZE],
    [667, 3],
    [Number.MAX_SAFE_INTEGER, 100],
  ])('do not reach page %i of %i rows', (page, limit) => {
    expect(() => stretchOf({ before: null, page, limit })).toThrow(
      expect.objectContaining({ code: 'page_too_deep' }),
    );
  });
});

test('an empty page is the last one', () => {
  expect(pageOf([], { before: null, limit: 1, page: 1 }, itself)).toEqual({ items: [], next: null });
});
