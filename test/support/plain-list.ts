import type { Position } from '../../src/domain/ids.ts';
import type { Slice } from '../../src/domain/page.ts';

/** A simple list, which is obviously correct. */

/** `items`, those at larger positions first. */
export function newestFirst<Item>(items: readonly Item[], placeOf: (item: Item) => Position): Item[] {
  return [...items].sort((one, other) => {
    if (placeOf(one) === placeOf(other)) return 0;
    return placeOf(one) > placeOf(other) ? -1 : 1;
  });
}

/** The slice of unsorted `items`. */
export function plainSlice<Item>(
  items: readonly Item[],
  { before, offset, limit }: Slice,
  placeOf: (item: Item) => Position,
): Item[] {
  const below = items.filter((item) => before === null || placeOf(item) < before);
  return newestFirst(below, placeOf).slice(offset, offset + limit);
}
