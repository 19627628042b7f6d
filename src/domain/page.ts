import type { Position } from './ids.ts';
import { Refusal } from './refusal.ts';

/** One page of a list, newest first, and the place at which the next one begins; null where the list ends. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: Position | null;
}

/** What a client asks of a list: at most `limit` items strictly below `before` (the top, where it is null). */
export interface PageRequest {
  readonly before: Position | null;
  /** 1–100. */
  readonly limit: number;
  /** From 1, for clients that count pages below `before`; null for clients that follow cursors. Numbered pages drift when the list grows. */
  readonly page: number | null;
}

/** What a repository is asked for: `limit` items below `before`, after `offset` that are passed over. */
export interface Slice {
  readonly before: Position | null;
  readonly offset: number;
  readonly limit: number;
  /**
   * Where given, the slice may end with the first item at which the content of its items exceeds so many bytes, so
   * that large items are not read in vain. See `contentBytesOf`.
   */
  readonly maxBytes?: number;
}

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

/** How many rows page numbers reach: what lies deeper has to be passed over, and costs with its depth. */
export const NUMBERED_ROWS = 2_000;

/** The most content that a page holds, in bytes of UTF-8, unless its number was asked for. */
export const MAX_PAGE_BYTES = 1_048_576;

/** The slice that answers `request`: one item more than the page holds tells whether another page follows. */
export function sliceOf({ before, limit, page }: PageRequest): Slice {
  if (page === null) return { before, offset: 0, limit: limit + 1, maxBytes: MAX_PAGE_BYTES };
  if (page * limit > NUMBERED_ROWS) {
    throw new Refusal(
      'page_too_deep',
      `Page numbers reach the first ${NUMBERED_ROWS} rows; beyond them, follow next_cursor.`,
    );
  }
  return { before, offset: (page - 1) * limit, limit: limit + 1 };
}

/**
 * The page of `items`, found for the slice of `request`. It ends at `limit` items or before the item whose content
 * would exceed `MAX_PAGE_BYTES`, whichever comes first, and shows one item at least; a numbered page ends at `limit` alone.
 */
export function pageOf<Item>(
  items: readonly Item[],
  request: PageRequest,
  read: {
    readonly positionOf: (item: Item) => Position;
    /** Bytes of an item's content in UTF-8; left out where items are small. */
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
