import { setTimeout as wait } from 'node:timers/promises';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import { wrapStorage, type Storage } from '../../src/application/ports/storage.ts';

/** The delay before each retry, in milliseconds: half a minute in total. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000];

/**
 * Wraps `storage` with retries after a `StorageFailure`, so that a long run survives a node that restarts or is
 * overloaded. All storage operations may be repeated. Rejects with the last failure after the last retry.
 */
export function withRetry(
  storage: Storage,
  pause: (milliseconds: number) => Promise<unknown> = wait,
): Storage {
  const settle = async (first: Promise<unknown>, repeat: () => unknown): Promise<unknown> => {
    let attempt = first;
    for (const milliseconds of PAUSES_MS) {
      try {
        return await attempt;
      } catch (error) {
        if (!(error instanceof StorageFailure)) throw error;
        await pause(milliseconds);
        attempt = Promise.resolve(repeat());
      }
    }
    return attempt;
  };
  return wrapStorage(storage, (method) => (...given) => {
    const first = method(...given);
    // Methods that return no promise read only the memory of the process.
    return first instanceof Promise ? settle(first, () => method(...given)) : first;
  });
}
