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
  limit: wholeNumber(1, MAX_PAGE_SIZE, `must be one whole number from 1 to ${MAX_PAGE_SIZE}`)
    .default(DEFAULT_PAGE_SIZE)
    .openapi({
      type: 'integer',
      minimum: 1,
      maximum: MAX_PAGE_SIZE,
      param: { description: 'How many items a page has at most.' },
    }),
  cursor: z
    .string({ error: 'must be one next_cursor' })
    .optional()
    .openapi({
      pattern: CURSOR_PATTERN.source,
      param: { description: 'The next_cursor of the page before. Pages joined by it are exact.' },
    }),
  page: wholeNumber(1, Infinity, 'must be one whole number from 1')
    .optional()
    .openapi({
      type: 'integer',
      minimum: 1,
      param: {
        description:
          `For clients that count pages: which one, from 1. It reaches the first ${NUMBERED_ROWS} rows, drifts ` +
          'when the list grows, and does not go with a cursor.',
      },
    }),
};

type PageQuery = z.infer<z.ZodObject<typeof pageParameters>>;

/** The part of `list` that `query` asks for. */
export function pageRequestOf(list: List, query: PageQuery): PageRequest {
  if (query.page !== undefined && query.cursor !== undefined) {
    throw new HttpFailure('invalid_request', {
      fieldErrors: [{ parameter: 'page', detail: 'does not go with a cursor' }],
    });
  }
  const before = query.cursor === undefined ? null : positionFromCursor(list, query.cursor);
  if (query.cursor !== undefined && before === null) throw new HttpFailure('invalid_cursor');
  return { before, limit: query.limit, page: query.page ?? null };
}

/** The shape of a page of `item`s in an answer. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.strictObject({
    data: z.array(item),
    limit: z.int().min(1).max(MAX_PAGE_SIZE).openapi({ example: DEFAULT_PAGE_SIZE }),
    page: z.int().min(1).optional().openapi({ description: 'Where the page was asked for by its number.' }),
    next_cursor: z.string().nullable().openapi({
      pattern: CURSOR_PATTERN.source,
      description: 'The cursor of the next page; null on the last one.',
      example: 'EQGcE2NKO3HIsVwP_uDduhF6DWw7wT1L',
    }),
  });
}

/** `page` of `list` as it answers `query`. */
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
