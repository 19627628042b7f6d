/** The maximum number of items of one request that are read at the same time. Each takes a few statements. */
const MAX_PARALLEL = 8;

/**
 * The results of `work` for `items`, in their order. It runs for eight items at a time, so that a long page does not take the
 * capacity of other requests. Rejects with the first failure; then no further item begins.
 */
export async function mapLimited<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  let hasFailed = false;
  const runSome = async (): Promise<void> => {
    // All workers share the iterator.
    for (const [index, item] of waiting) {
      if (hasFailed) return;
      results[index] = await work(item);
    }
  };
  const parallel = Math.min(MAX_PARALLEL, items.length);
  await Promise.all(Array.from({ length: parallel }, runSome)).catch((error: unknown) => {
    hasFailed = true;
    throw error;
  });
  return results;
}
