import { makeWorkQueue, type WorkQueue } from '../../application/work-queue.ts';

/**
 * Limits expensive reads: at most `maxRunning` of them run at the same time, and further ones wait, in the order of their
 * calls. Calls with the same key share a read that has not begun yet. So every result was read after its call.
 */
export class SharedReads<Key, Result> {
  readonly #queue: WorkQueue;
  readonly #waiting = new Map<Key, Promise<Result>>();

  constructor({ maxRunning }: { readonly maxRunning: number }) {
    this.#queue = makeWorkQueue({ maxRunning });
  }

  /** The result of `read`, or of a waiting read with the same key. Rejects like the read. */
  run(key: Key, read: () => Promise<Result>): Promise<Result> {
    const known = this.#waiting.get(key);
    if (known !== undefined) return known;
    const state = { hasBegun: false };
    const result = this.#queue(() => {
      state.hasBegun = true;
      this.#waiting.delete(key);
      return read();
    }) as Promise<Result>;
    if (!state.hasBegun) this.#waiting.set(key, result);
    return result;
  }
}
