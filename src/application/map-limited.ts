import { makeWorkQueue } from './work-queue.ts';

/** The maximum number of items of one request that are read at the same time. Each takes a few statements. */
const MAX_PARALLEL = 8;

/**
 * The results of `work` for `items`, in their order. It runs for eight items at a time, so that a long page does not take the
 * capacity of other requests. Rejects with the first failure; then no further item begins.
 */
export function mapLimited<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const inQueue = makeWorkQueue({ maxRunning: MAX_PARALLEL });
  let hasFailed = false;
  const workUnlessFailed = async (item: Item): Promise<Result> => {
    if (hasFailed) throw new Error('Another item has failed.');
    try {
      return await work(item);
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  return Promise.all(items.map((item) => inQueue(() => workUnlessFailed(item))));
}
