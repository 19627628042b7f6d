import type { Log } from '../../application/ports/log.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { Message } from '../../domain/message.ts';

/** How many failed sends are retried at the same time; those beyond are left to the repeat with their key. */
const MOST_RETRIES = 1_000;

/** When a failed send is tried again, in milliseconds after the last attempt: about two minutes in all. */
const DELAYS_MS = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000];

/** Runs `work` where the concurrency limit has room for it, and rejects otherwise. */
export type WithinLimit = (work: () => Promise<void>) => Promise<void>;

/**
 * Completes sends whose outcome is unknown, in the background and within bounds, so that a message that was
 * stored does not stay behind in an inbox until its client repeats it.
 */
export class BackgroundRetry {
  readonly #log: Log;
  readonly #withinLimit: WithinLimit;
  readonly #random: () => number;
  readonly #inFlight = new Set<Promise<void>>();
  /** Ends the waits between attempts. */
  readonly #hurry = new Set<() => void>();
  #retrying = 0;
  #closing = false;

  constructor(deps: { log: Log; withinLimit: WithinLimit; random?: () => number }) {
    this.#log = deps.log;
    this.#withinLimit = deps.withinLimit;
    this.#random = deps.random ?? Math.random;
  }

  /** `first` as it is; if its outcome is unknown, `again` is retried after it has rejected. */
  watch(first: Promise<void>, again: () => Promise<void>, message: Message): Promise<void> {
    this.track(
      first.catch((error: unknown) => {
        if (error instanceof StorageFailure && error.kind === 'outcome_unknown') this.#begin(again, message);
      }),
    );
    return first;
  }

  /** Lets `work`, which nobody awaits, finish before closing. */
  track(work: Promise<void>): void {
    this.#inFlight.add(work);
    const forget = () => this.#inFlight.delete(work);
    work.then(forget, forget);
  }

  #begin(again: () => Promise<void>, { id, conversationId }: Message): void {
    if (this.#retrying >= MOST_RETRIES) {
      this.#log.warn({ messageId: id, conversationId }, 'too many failed sends to retry this one');
      return;
    }
    this.#retrying += 1;
    this.track(
      this.#retry(again, { messageId: id, conversationId }).finally(() => {
        this.#retrying -= 1;
      }),
    );
  }

  async #retry(again: () => Promise<void>, names: object): Promise<void> {
    for (const delay of DELAYS_MS) {
      // Sends that failed together are not retried together.
      await this.#wait(delay * (0.5 + this.#random()));
      try {
        await (this.#closing ? again() : this.#withinLimit(again));
        return;
      } catch (error) {
        const mayPass = error instanceof StorageFailure || (error as Error).name === 'Overload';
        if (!mayPass) {
          this.#log.error({ ...names, err: error }, 'a failed send could not be completed');
          return;
        }
        if (this.#closing) break;
      }
    }
    this.#log.warn(names, 'a failed send was given up; its message may be missing from an inbox');
  }

  /** Waits, unless this is closing: then each is tried once more at once. */
  #wait(milliseconds: number): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#hurry.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#hurry.add(end);
    });
  }

  /** Resolves when nothing is in flight any more: writes in progress have ended, and each retry ran once more. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const end of this.#hurry) end();
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight);
  }
}
