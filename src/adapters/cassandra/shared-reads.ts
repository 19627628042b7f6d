/**
 * Limits expensive reads: at most `maxRunning` of them run at the same time, and further ones wait, in the order of their
 * calls. Calls with the same key share a read that has not begun yet. So every result was read after its call.
 */
export class SharedReads<Key, Result> {
  readonly #maxRunning: number;
  readonly #waiting = new Map<Key, { readonly begin: () => void; readonly result: Promise<Result> }>();
  #running = 0;

  constructor({ maxRunning }: { readonly maxRunning: number }) {
    this.#maxRunning = maxRunning;
  }

  /** The result of `read`, or of a waiting read with the same key. Rejects like the read. */
  run(key: Key, read: () => Promise<Result>): Promise<Result> {
    const known = this.#waiting.get(key);
    if (known !== undefined) return known.result;
    if (this.#running < this.#maxRunning) {
      this.#running += 1;
      return this.#finish(read());
    }
    let begin = (): void => undefined;
    const result = new Promise<void>((resolve) => (begin = resolve)).then(() => this.#finish(read()));
    this.#waiting.set(key, { begin, result });
    return result;
  }

  async #finish(result: Promise<Result>): Promise<Result> {
    try {
      return await result;
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#running -= 1;
      } else {
        // It begins now, so the number of running reads stays the same, and nothing can join it any more.
        const [key, { begin }] = next;
        this.#waiting.delete(key);
        begin();
      }
    }
  }
}
