import type { Position } from './ids.ts';
import { Refusal } from './refusal.ts';

/** One page of a list, newest first, and the place at which the next one begins; null where the list ends. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: Position | null;
}

/** What one asks of a list: at most `limit` items strictly below `before` (the top, where it is null). */
export interface PageRequest {
  readonly before: Position | null;
  /** 1–100. */
  readonly limit: number;
  /** From 1, for clients that count pages below `before`; such pages drift when the list grows. */
  readonly page: number;
}

/** What a repository is asked for: `limit` items below `before`, after `skip` that are passed over. */
export interface Stretch {
  readonly before: Position | null;
  readonly skip: number;
  readonly limit: number;
}

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

/** How many rows page numbers reach: what lies deeper has to be passed over, and costs with its depth. */
export const NUMBERED_ROWS = 2_000;

/** The stretch that answers `request`: one item more than the page holds tells whether another page follows. */
export function stretchOf({ before, limit, page }: PageRequest): Stretch {
  if (page * limit > NUMBERED_ROWS) {
    throw new Refusal(
      'page_too_deep',
      `Page numbers reach the first ${NUMBERED_ROWS} rows; beyond them, follow next_cursor.`,
    );
  }
  return { before, skip: (page - 1) * limit, limit: limit + 1 };
}

/** The page that `items`, found for the stretch of `request`, make; `positionOf` gives an item's place. */
export function pageOf<Item>(
  items: readonly Item[],
  { limit }: PageRequest,
  positionOf: (item: Item) => Position,
): Page<Item> {
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown, next: last !== undefined && items.length > limit ? positionOf(last) : null };
}
