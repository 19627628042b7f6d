import type { Clock } from './ports/clock.ts';
import { maxBytesOf, wrapUseCases, type UseCases } from './use-cases.ts';

/** The concurrency limit is reached. Nothing of the request was begun. */
export class Overload extends Error {
  override readonly name = 'Overload';
}

/**
 * Lets a bounded number of requests be in progress and rejects the rest at once: a queue in front of a busy storage only
 * makes every answer later. The limit adapts to how fast storage answers. Bytes of the pages in progress are limited
 * as well.
 */
export interface ConcurrencyLimiter {
  /**
   * Runs `work`, whose result holds at most `maxBytes` of content; rejects with an `Overload` when a limit is reached. The
   * work counts until it ends, also if its caller stops waiting before.
   */
  readonly run: <Result>(work: () => Promise<Result>, maxBytes?: number) => Promise<Result>;
  /**
   * Runs work that has no caller in at most a quarter of the limit; rejects with an `Overload` beyond it. How long it takes
   * does not change the limit, since it retries what storage has failed at before.
   */
  readonly runInBackground: (work: () => Promise<void>) => Promise<void>;
  /** Whether the next request would be rejected. */
  readonly isFull: () => boolean;
  /** Throws an `Overload`, and counts a rejection, when the limit is reached: before the request is even parsed. */
  readonly requireCapacity: () => void;
  readonly state: () => ConcurrencyState;
}

export interface ConcurrencyState {
  readonly inProgress: number;
  /** How many may be in progress. */
  readonly limit: number;
  /** How many requests were rejected so far. */
  readonly rejected: number;
}

/** The most bytes of content that the pages in progress hold together. */
const MAX_BYTES = 256 * 1_048_576;

/** The share of the limit that background work may take. */
const BACKGROUND_SHARE = 0.25;

/** A limiter that starts at 64 requests, or at `max` if that is less, and never exceeds `max`. */
export function makeConcurrencyLimiter(deps: {
  readonly maxRequestsInFlight: number;
  readonly clock: Pick<Clock, 'now'>;
}): ConcurrencyLimiter {
  const { maxRequestsInFlight, clock } = deps;
  const limit = makeAdaptiveLimit(maxRequestsInFlight, clock);
  let inProgress = 0;
  let inBackground = 0;
  let bytesInProgress = 0;
  let rejected = 0;

  const isFull = (bytes = 0): boolean =>
    inProgress >= limit.value() || (bytes > 0 && bytesInProgress + bytes > MAX_BYTES);
  const reject = (): Overload => {
    rejected += 1;
    limit.noteRejection();
    return new Overload();
  };

  return {
    run(work, maxBytes = 0) {
      if (isFull(maxBytes)) return Promise.reject(reject());
      inProgress += 1;
      bytesInProgress += maxBytes;
      const begun = clock.now();
      const end = (): void => {
        inProgress -= 1;
        bytesInProgress -= maxBytes;
        limit.noteLatency((clock.now() - begun) / 1_000);
      };
      const result = work();
      result.then(end, end);
      return result;
    },
    runInBackground(work) {
      const most = Math.max(1, Math.floor(limit.value() * BACKGROUND_SHARE));
      if (inBackground >= most || isFull()) return Promise.reject(new Overload());
      inBackground += 1;
      inProgress += 1;
      return work().finally(() => {
        inBackground -= 1;
        inProgress -= 1;
      });
    },
    isFull: () => isFull(),
    requireCapacity() {
      if (isFull()) throw reject();
    },
    state: () => ({ inProgress, limit: limit.value(), rejected }),
  };
}

/** The same use cases within `limiter`. */
export function limitConcurrency(limiter: ConcurrencyLimiter, useCases: UseCases): UseCases {
  return wrapUseCases(
    useCases,
    (useCase, name) => (request) => limiter.run(() => useCase(request), maxBytesOf(name, request)),
  );
}

/** The limit at first, and the least that it falls to: enough to keep a small cluster busy. */
const INITIAL_LIMIT = 64;
const MIN_LIMIT = 32;

/**
 * The median latency that the limit aims at. Beyond it storage has more than it can work on at a time, and
 * the second attempts that Cassandra's adapter makes where the first is slow would only add to that.
 */
const TARGET_MS = 200;

/** The limit is adjusted after this many microseconds and this many answers at the earliest. */
const ADJUST_EVERY_US = 250_000;
const ADJUST_AFTER_ANSWERS = 10;

/**
 * A limit by the latency of the last answers (additive increase, multiplicative decrease, as in TCP). It uses
 * the median, because a replica that hangs or a large page makes some answers slow without storage being overloaded.
 */
function makeAdaptiveLimit(max: number, clock: Pick<Clock, 'now'>) {
  let value = Math.min(INITIAL_LIMIT, max);
  let latencies: number[] = [];
  let since = clock.now();
  let hasRejected = false;
  return {
    value: () => value,
    noteRejection(): void {
      hasRejected = true;
    },
    noteLatency(milliseconds: number): void {
      latencies.push(milliseconds);
      if (latencies.length < ADJUST_AFTER_ANSWERS || Math.abs(clock.now() - since) < ADJUST_EVERY_US) return;
      const median = latencies.sort((a, b) => a - b)[latencies.length >> 1] ?? 0;
      if (median > TARGET_MS) value = Math.max(Math.min(MIN_LIMIT, max), Math.floor(0.8 * value));
      else if (hasRejected) value = Math.min(max, value + MIN_LIMIT);
      latencies = [];
      since = clock.now();
      hasRejected = false;
    },
  };
}
