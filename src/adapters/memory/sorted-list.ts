import type { Position } from '../../domain/ids.ts';
import type { Slice } from '../../domain/page.ts';

/** Small enough for a fast insertion into a chunk, large enough to keep a million items in a few thousand chunks. */
const CHUNK_SIZE = 512;

/**
 * Items sorted by position, each position once. Adding, removing and searching take logarithmic time in the length of
 * the list, in any order of insertion. The time of a slice depends on its length; skipped items cost almost nothing.
 */
export class SortedList<Item> {
  readonly #positionOf: (item: Item) => Position;
  /** The items in ascending order, within and across chunks. No chunk is empty. */
  readonly #chunks: Item[][] = [];

  constructor(positionOf: (item: Item) => Position) {
    this.#positionOf = positionOf;
  }

  /** Adds `item`, unless the list has an item at its position. */
  add(item: Item): void {
    const position = this.#positionOf(item);
    const index = Math.min(this.#chunkAt(position), this.#chunks.length - 1);
    const chunk = this.#chunks[index];
    if (chunk === undefined) {
      this.#chunks.push([item]);
      return;
    }
    const itemIndex = this.#indexIn(chunk, position);
    if (this.#isAt(chunk[itemIndex], position)) return;
    chunk.splice(itemIndex, 0, item);
    if (chunk.length > CHUNK_SIZE) {
      // A chunk that grew at its end stays full, so that chunks of items that are added in order are full.
      const kept = itemIndex === CHUNK_SIZE ? CHUNK_SIZE : CHUNK_SIZE / 2;
      this.#chunks.splice(index + 1, 0, chunk.splice(kept));
    }
  }

  /** Removes the item at `position`, if there is one. */
  remove(position: Position): void {
    const index = this.#chunkAt(position);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return;
    const itemIndex = this.#indexIn(chunk, position);
    if (!this.#isAt(chunk[itemIndex], position)) return;
    chunk.splice(itemIndex, 1);
    if (chunk.length === 0) this.#chunks.splice(index, 1);
  }

  /** The item at `position`, if there is one. */
  at(position: Position): Item | undefined {
    const chunk = this.#chunks[this.#chunkAt(position)] ?? [];
    const item = chunk[this.#indexIn(chunk, position)];
    return this.#isAt(item, position) ? item : undefined;
  }

  /** At most `limit` items strictly below `before`, after the first `offset` items; the largest first. */
  below({ before, offset, limit }: Slice): Item[] {
    const found: Item[] = [];
    let toSkip = offset;
    let index = before === null ? this.#chunks.length - 1 : this.#chunkAt(before);
    for (; index >= 0 && found.length < limit; index -= 1) {
      const chunk = this.#chunks[index] ?? [];
      const end = before === null ? chunk.length : this.#indexIn(chunk, before);
      const to = Math.max(0, end - toSkip);
      const from = Math.max(0, to - (limit - found.length));
      found.push(...chunk.slice(from, to).reverse());
      toSkip -= end - to;
    }
    return found;
  }

  /** At most `limit` items strictly above `after`, the smallest first. */
  above(after: Position, limit: number): Item[] {
    const found: Item[] = [];
    for (let index = this.#chunkAt(after); index < this.#chunks.length && found.length < limit; index += 1) {
      const chunk = this.#chunks[index] ?? [];
      const from = countWhile(chunk, (item) => this.#positionOf(item) <= after);
      found.push(...chunk.slice(from, from + limit - found.length));
    }
    return found;
  }

  /** Drops the items at and below `position`. */
  dropUpTo(position: Position): void {
    const first = this.#chunks[0]?.[0];
    if (first === undefined || this.#positionOf(first) > position) return;
    this.#chunks.splice(0, this.#chunkAt(position));
    const chunk = this.#chunks[0];
    chunk?.splice(
      0,
      countWhile(chunk, (item) => this.#positionOf(item) <= position),
    );
    if (chunk?.length === 0) this.#chunks.shift();
  }

  /** The index of the first chunk whose last item is not below `position`. */
  #chunkAt(position: Position): number {
    return countWhile(this.#chunks, (chunk) => {
      const last = chunk.at(-1);
      return last !== undefined && this.#positionOf(last) < position;
    });
  }

  /** The index in `chunk` of the first item that is not below `position`. */
  #indexIn(chunk: readonly Item[], position: Position): number {
    return countWhile(chunk, (item) => this.#positionOf(item) < position);
  }

  #isAt(item: Item | undefined, position: Position): boolean {
    return item !== undefined && this.#positionOf(item) === position;
  }
}

/** The number of leading items for which `holds` is true. It must be false for all items after the first false one. */
function countWhile<Item>(items: readonly Item[], matches: (item: Item) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const item = items[middle];
    if (item !== undefined && matches(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
