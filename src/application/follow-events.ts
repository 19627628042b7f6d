import type { EventCursor } from '../domain/event-cursor.ts';
import { Refusal } from '../domain/refusal.ts';
import type { EventBatch, ListEvents, ListEventsQuery } from './list-events.ts';
import type { Hints } from './ports/hints.ts';
import type { StopSignal, Timer } from './ports/timer.ts';
import { makeWorkQueue } from './work-queue.ts';

/** The default interval at which a follower reads the log without a hint. */
export const POLL_INTERVAL_MS = 15_000;

/** The minimum time between two reads of one follower: hints that come faster are combined into one read. */
const MIN_INTERVAL_MS = 100;

/**
 * Added to the minimum time for each event that was delivered within the visibility window. A read lists these events
 * again. With this pause, a follower lists at most 4,000 of them a second, at any rate of events.
 */
const MS_PER_DELIVERED = 0.25;

/**
 * The maximum number of concurrent reads of open streams and waiting polls; further reads are queued. A message to a large
 * group wakes many followers at once, and reads beyond the concurrency limit would be rejected. This is half of its lowest
 * value, so that other requests are not rejected meanwhile.
 */
const MAX_READS = 16;

/** The maximum time that a read waits in the queue, such as while storage hangs. Then it fails and is repeated. */
const MAX_QUEUE_WAIT_MS = 3_000;

/** The time until the next read after a read that failed, or that found more events than its cursor can hold. */
const RETRY_INTERVAL_MS = 1_000;

export interface FollowEvents {
  /**
   * Resolves with the events that `listEvents` lists. If there are none, waits until there are, at most `waitMs`
   * milliseconds or until `signal` aborts. Reads the log at the start, on a hint, every 15 s and at the end. Rejects like
   * `listEvents`.
   */
  readonly poll: (
    query: ListEventsQuery & { readonly waitMs: number },
    signal: StopSignal,
  ) => Promise<EventBatch>;

  /**
   * Yields batches of events until `signal` aborts: the first at once, even if it is empty; then one whenever there are
   * events, and at least one every 15 s. Rejects like `listEvents` at the first read; a later read that fails is
   * repeated, and its batch is empty.
   */
  readonly stream: (query: ListEventsQuery, signal: StopSignal) => AsyncGenerator<EventBatch, void, void>;
}

export function makeFollowEvents(deps: {
  listEvents: ListEvents;
  hints: Hints;
  timer: Timer;
  /** The time between two reads without a hint. */
  pollIntervalMs: number;
  /** From 0 to 1: spreads the reads of followers that started together. */
  random: () => number;
}): FollowEvents {
  const { listEvents, hints, timer, pollIntervalMs, random } = deps;
  const inReadQueue = makeWorkQueue({
    maxRunning: MAX_READS,
    maxWait: { milliseconds: MAX_QUEUE_WAIT_MS, timer },
  });

  return {
    async poll({ waitMs, ...query }, signal) {
      let { cursor } = query;
      const waiter = new Waiter(timer, signal);
      const unsubscribe = hints.subscribe(query.userId, waiter.wake);
      let isOver = waitMs === 0;
      const cancel = timer.after(waitMs, () => {
        isOver = true;
        waiter.wake();
      });
      try {
        for (let isFirst = true; ; isFirst = false) {
          const isLast = isOver || signal.aborted;
          const read = () => {
            waiter.reset();
            return listEvents({ ...query, cursor });
          };
          const batch = await (isFirst ? read() : inReadQueue(read));
          // No event was listed, so none is lost; events whose message no longer exists are not read again.
          cursor = batch.cursor;
          if (batch.events.length > 0 || isLast) return batch;
          await waiter.pause(pauseAfter(cursor));
          await waiter.untilWoken(batch.isComplete ? pollIntervalMs : RETRY_INTERVAL_MS);
        }
      } finally {
        cancel();
        unsubscribe();
      }
    },

    async *stream(query, signal) {
      const waiter = new Waiter(timer, signal);
      const unsubscribe = hints.subscribe(query.userId, waiter.wake);
      let isDue = false as boolean;
      let cancel = (): void => undefined;
      const expectBatchWithin = (milliseconds: number): void => {
        cancel();
        isDue = false;
        cancel = timer.after(milliseconds, () => {
          isDue = true;
          waiter.wake();
        });
      };
      try {
        let batch = await listEvents(query);
        expectBatchWithin(pollIntervalMs * (0.5 + random() / 2));
        yield batch;
        let pauseMs = pauseAfter(batch.cursor);
        for (;;) {
          if (batch.isComplete || batch.events.length === 0) {
            await waiter.pause(pauseMs);
            await waiter.untilWoken(batch.isComplete ? pollIntervalMs : RETRY_INTERVAL_MS);
          }
          if (signal.aborted) return;
          const { cursor } = batch;
          try {
            const read = await inReadQueue(() => {
              if (signal.aborted) return null;
              waiter.reset();
              return listEvents({ ...query, cursor });
            });
            if (read === null) return;
            batch = read;
            pauseMs = pauseAfter(batch.cursor);
          } catch (error) {
            // The log no longer reaches back to the cursor: the stream ends, and the client gets the refusal when it resumes.
            if (error instanceof Refusal) return;
            batch = { events: [], cursor, isComplete: false };
            pauseMs = RETRY_INTERVAL_MS;
          }
          if (batch.events.length === 0 && !isDue) continue;
          expectBatchWithin(pollIntervalMs);
          yield batch;
        }
      } finally {
        cancel();
        unsubscribe();
      }
    },
  };
}

/** The time until the next read after a read that resulted in `cursor`. */
function pauseAfter({ delivered }: EventCursor): number {
  return MIN_INTERVAL_MS + delivered.size * MS_PER_DELIVERED;
}

/** The waits of one follower; each ends when `signal` aborts. */
class Waiter {
  readonly #timer: Timer;
  readonly #signal: StopSignal;
  #isAwake = false;
  /** Ends the current wait, if `wake` may end it. */
  #cutShort = (): void => undefined;

  constructor(timer: Timer, signal: StopSignal) {
    this.#timer = timer;
    this.#signal = signal;
  }

  /** Ends the current `untilWoken`, or the next one if there is none. */
  readonly wake = (): void => {
    this.#isAwake = true;
    this.#cutShort();
  };

  /** Clears earlier wakes. Must be called before a read. */
  reset(): void {
    this.#isAwake = false;
  }

  /** Waits for `milliseconds`; `wake` does not end it. */
  pause(milliseconds: number): Promise<void> {
    return this.#wait(milliseconds, () => undefined);
  }

  /** Waits until `wake` is called, at most `milliseconds`. */
  async untilWoken(milliseconds: number): Promise<void> {
    if (this.#isAwake) return;
    await this.#wait(milliseconds, (end) => {
      this.#cutShort = end;
    });
    this.#cutShort = () => undefined;
  }

  #wait(milliseconds: number, begin: (end: () => void) => void): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#timer.after(milliseconds, end);
      this.#signal.addEventListener('abort', end);
      begin(end);
    });
  }
}
