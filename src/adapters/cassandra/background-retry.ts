import type { Log } from '../../application/ports/log.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { ConversationId, EventId } from '../../domain/ids.ts';

/** The maximum number of failed writes that are retried in parallel; others depend on the client's repeat. */
const MAX_RETRIES = 1_000;

/** The delays before each retry, in milliseconds after the previous attempt: about two minutes in total. */
const DELAYS_MS = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000];

/** Runs `work` if the concurrency limit allows it, and rejects otherwise. */
export type WithinLimit = (work: () => Promise<void>) => Promise<void>;

/** The message, or the change of a group, that a write is about, for the log. */
interface WrittenMessage {
  readonly id: EventId;
  readonly conversationId: ConversationId;
}

/**
 * Completes sends, edits, deletions and changes of groups with an unknown outcome, in the background and within limits.
 * Without this, a stored message may be missing in an inbox, or shown there with old content, until its client repeats
 * the request.
 */
export class BackgroundRetry {
  readonly #log: Log;
  readonly #withinLimit: WithinLimit;
  readonly #random: () => number;
  readonly #inFlight = new Set<Promise<void>>();
  /** Functions that end the waits between attempts. */
  readonly #waits = new Set<() => void>();
  #retrying = 0;
  #closing = false;

  constructor(deps: { log: Log; withinLimit: WithinLimit; random?: () => number }) {
    this.#log = deps.log;
    this.#withinLimit = deps.withinLimit;
    this.#random = deps.random ?? Math.random;
  }

  /** Returns `first`. If `first` rejects with an unknown outcome, `retry` is run until it succeeds, within the limits. */
  watch<Result>(
    first: Promise<Result>,
    retry: () => Promise<void>,
    message: WrittenMessage,
  ): Promise<Result> {
    const watched = first.then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof StorageFailure && error.kind === 'outcome_unknown') this.#start(retry, message);
      },
    );
    this.track(watched);
    return first;
  }

  /** Makes `close` wait for `work`, which no caller awaits. */
  track(work: Promise<void>): void {
    this.#inFlight.add(work);
    const untrack = () => this.#inFlight.delete(work);
    work.then(untrack, untrack);
  }

  #start(retry: () => Promise<void>, { id, conversationId }: WrittenMessage): void {
    if (this.#retrying >= MAX_RETRIES) {
      this.#log.warn({ messageId: id, conversationId }, 'Too many failed writes: this one is not retried');
      return;
    }
    this.#retrying += 1;
    this.track(
      this.#retry(retry, { messageId: id, conversationId }).finally(() => {
        this.#retrying -= 1;
      }),
    );
  }

  async #retry(retry: () => Promise<void>, ids: object): Promise<void> {
    for (const delay of DELAYS_MS) {
      // Random delays, so that sends that failed together are not retried together.
      await this.#wait(delay * (0.5 + this.#random()));
      try {
        await (this.#closing ? retry() : this.#withinLimit(retry));
        return;
      } catch (error) {
        const isTemporary = error instanceof StorageFailure || (error as Error).name === 'Overload';
        if (!isTemporary) {
          this.#log.error({ ...ids, err: error }, 'A failed write could not be completed');
          return;
        }
        if (this.#closing) break;
      }
    }
    this.#log.warn(
      ids,
      'The retries of a failed write ended without success; its message may be missing in an inbox',
    );
  }

  /** Waits. While closing it does not wait, so that each retry runs once more at once. */
  #wait(milliseconds: number): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waits.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#waits.add(end);
    });
  }

  /** Resolves when no tracked work is in flight: writes in progress have ended, and each retry has run once more. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const end of this.#waits) end();
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight);
  }
}
