import type { Position } from './ids.ts';
import { Refusal } from './refusal.ts';

/** One page of a list, newest first. `next` is where the next page begins; null on the last page. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: Position | null;
}

/** A client's request for a page: at most `limit` items strictly below `before`; from the top if `before` is null. */
export interface PageRequest {
  readonly before: Position | null;
  /** 1–100. */
  readonly limit: number;
  /**
   * The page number below `before`, from 1; null for clients that follow cursors. Items move between numbered pages
   * when the list grows.
   */
  readonly page: number | null;
}

/** A request to a repository: `limit` items below `before`, after the first `offset` items. */
export interface Slice {
  readonly before: Position | null;
  readonly offset: number;
  readonly limit: number;
  /**
   * If set, the slice may end with the item that brings the total content above this number of bytes, so that large
   * items that the page can't hold are not read. See `contentBytesOf`.
   */
  readonly maxBytes?: number;
}

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

/** The number of rows that numbered pages cover. A page skips all rows above it, so its cost grows with depth. */
export const NUMBERED_ROWS = 2_000;

/** The maximum content of a page in bytes of UTF-8. It does not apply to numbered pages. */
export const MAX_PAGE_BYTES = 1_048_576;

/** The slice for `request`. It has one more item than the page, which shows whether another page follows. */
export function sliceOf({ before, limit, page }: PageRequest): Slice {
  if (page === null) return { before, offset: 0, limit: limit + 1, maxBytes: MAX_PAGE_BYTES };
  if (page * limit > NUMBERED_ROWS) {
    throw new Refusal(
      'page_too_deep',
      `Page numbers cover the first ${NUMBERED_ROWS} rows; beyond them, follow next_cursor.`,
    );
  }
  return { before, offset: (page - 1) * limit, limit: limit + 1 };
}

/**
 * The page for `request` from `items`, the result of its slice. It ends at `limit` items or before the item that brings
 * the content above `MAX_PAGE_BYTES`, whichever comes first, and has at least one item if the list has one. A numbered
 * page ends at `limit` only.
 */
export function pageOf<Item>(
  items: readonly Item[],
  request: PageRequest,
  read: {
    readonly positionOf: (item: Item) => Position;
    /** The size of an item's content in bytes of UTF-8; omitted for small items. */
    readonly bytesOf?: (item: Item) => number;
  },
): Page<Item> {
  const { positionOf, bytesOf } = read;
  let count = Math.min(items.length, request.limit);
  if (bytesOf !== undefined && request.page === null) {
    let bytes = 0;
    const end = items.findIndex((item) => (bytes += bytesOf(item)) > MAX_PAGE_BYTES);
    if (end >= 0) count = Math.min(count, Math.max(end, 1));
  }
  const shown = items.slice(0, count);
  const last = shown.at(-1);
  return { items: shown, next: last !== undefined && items.length > count ? positionOf(last) : null };
}
