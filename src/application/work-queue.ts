import { Overload } from './overload.ts';
import type { Timer } from './ports/timer.ts';

/** Runs `work`, perhaps later. Resolves and rejects like it. */
export type WorkQueue = <Result>(work: () => Result) => Promise<Awaited<Result>>;

/**
 * A queue that runs at most `maxRunning` functions concurrently. Further ones wait and start in the order of their calls. If
 * `maxWait` is given, one that waits for longer than its `milliseconds` rejects with an `Overload`.
 */
export function makeWorkQueue({
  maxRunning,
  maxWait,
}: {
  readonly maxRunning: number;
  readonly maxWait?: { readonly milliseconds: number; readonly timer: Timer };
}): WorkQueue {
  const waiting = new Set<() => void>();
  let running = 0;
  const waitForStart = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const start = (): void => {
        cancel?.();
        resolve();
      };
      const cancel = maxWait?.timer.after(maxWait.milliseconds, () => {
        waiting.delete(start);
        reject(new Overload());
      });
      waiting.add(start);
    });
  return async <Result>(work: () => Result): Promise<Awaited<Result>> => {
    if (running === maxRunning) await waitForStart();
    else running += 1;
    try {
      return await work();
    } finally {
      // The next one starts now, so the number of running functions stays the same.
      const [next] = waiting;
      if (next === undefined) {
        running -= 1;
      } else {
        waiting.delete(next);
        next();
      }
    }
  };
}
