import { z } from '@hono/zod-openapi';
import {
  DEFAULT_PAGE_SIZE,
  MAX_PAGE_SIZE,
  NUMBERED_ROWS,
  type Page,
  type PageRequest,
} from '../../domain/page.ts';
import { cursorAt, CURSOR_PATTERN, positionFromCursor, type List } from './cursors.ts';
import { HttpFailure } from './problems.ts';
import { wholeNumber } from './openapi/schemas.ts';

/** The query parameters of every list. */
export const pageParameters = {
  limit: wholeNumber(1, MAX_PAGE_SIZE, `must be a whole number from 1 to ${MAX_PAGE_SIZE}`)
    .default(DEFAULT_PAGE_SIZE)
    .openapi({
      type: 'integer',
      minimum: 1,
      maximum: MAX_PAGE_SIZE,
      param: { description: 'The maximum number of entries of a page.' },
    }),
  cursor: z
    .string({ error: 'must be a next_cursor' })
    .optional()
    .openapi({
      pattern: CURSOR_PATTERN.source,
      param: {
        description:
          'The next_cursor of the previous page. Pages that are joined by cursor have no gaps and no repeats.',
      },
    }),
  page: wholeNumber(1, Infinity, 'must be a whole number from 1')
    .optional()
    .openapi({
      type: 'integer',
      minimum: 1,
      param: {
        description:
          `The number of the page, from 1, as an alternative to a cursor. It works for the first ${NUMBERED_ROWS} rows. ` +
          'Entries shift between numbered pages when the list grows.',
      },
    }),
};

type PageQuery = z.infer<z.ZodObject<typeof pageParameters>>;

/** The page of `list` that `query` requests. Throws an `HttpFailure` for an invalid cursor. */
export function pageRequestOf(list: List, query: PageQuery): PageRequest {
  if (query.page !== undefined && query.cursor !== undefined) {
    throw new HttpFailure('invalid_request', {
      fieldErrors: [{ parameter: 'page', detail: 'cannot be combined with a cursor' }],
    });
  }
  const before = query.cursor === undefined ? null : positionFromCursor(list, query.cursor);
  if (query.cursor !== undefined && before === null) throw new HttpFailure('invalid_cursor');
  return { before, limit: query.limit, page: query.page ?? null };
}

/** The schema of a page of `item`s in a response. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.strictObject({
    data: z.array(item),
    limit: z.int().min(1).max(MAX_PAGE_SIZE).openapi({ example: DEFAULT_PAGE_SIZE }),
    page: z
      .int()
      .min(1)
      .optional()
      .openapi({ description: 'The number of the page, if the request had one.' }),
    next_cursor: z.string().nullable().openapi({
      pattern: CURSOR_PATTERN.source,
      description: 'The cursor of the next page; null on the last page.',
      example: 'IQGcE2NKO3HIsVwP_uDduhEr6GQC',
    }),
  });
}

/** The response body for `page` of `list`. */
export function pageView<Item, View>(
  list: List,
  query: PageQuery,
  { items, next }: Page<Item>,
  viewOf: (item: Item) => View,
) {
  return {
    data: items.map(viewOf),
    limit: query.limit,
    ...(query.page !== undefined && { page: query.page }),
    next_cursor: next === null ? null : cursorAt(list, next),
  };
}
