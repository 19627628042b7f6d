import type { Page } from './types.ts';

/** A list that is read page by page, as far as it is iterated. */
export interface List<Item> extends AsyncIterable<Item> {
  /** The same list, as pages. */
  pages(): AsyncGenerator<Page<Item>, void, undefined>;
}

/** The list whose page at a cursor is `load(cursor)`, from `start` on. */
export function listOf<Item>(
  load: (cursor: string | undefined) => Promise<Page<Item>>,
  start: string | undefined,
): List<Item> {
  async function* pages(): AsyncGenerator<Page<Item>, void, undefined> {
    let cursor = start;
    for (;;) {
      const page = await load(cursor);
      yield page;
      if (page.next_cursor === null) return;
      cursor = page.next_cursor;
    }
  }
  return {
    pages,
    async *[Symbol.asyncIterator]() {
      for await (const page of pages()) yield* page.data;
    },
  };
}
