import type { Caller } from '../domain/caller.ts';
import type { UserId } from '../domain/ids.ts';
import { makeBudget } from './budget.ts';
import { Overload } from './overload.ts';
import type { Capacity } from './ports/capacity.ts';
import type { Clock } from './ports/clock.ts';
import { maxBytesOf, wrapUseCases, type UseCases } from './use-cases.ts';

/**
 * Limits the number of requests in progress and rejects further ones at once: a queue in front of busy storage only
 * makes every response later. The limit adapts to the latency of storage. The bytes of the pages in progress are
 * limited, too.
 */
export interface ConcurrencyLimiter extends Capacity {
  /**
   * Runs `work` for `userId`, null for a service. Its result holds at most `maxBytes` of content. Rejects with an `Overload`
   * when a limit is reached. The work counts until it ends, even if its caller stops waiting earlier.
   */
  readonly run: <Result>(
    work: () => Promise<Result>,
    maxBytes?: number,
    userId?: UserId | null,
  ) => Promise<Result>;
  /**
   * Runs background work in at most a quarter of the limit; rejects with an `Overload` beyond it. Its latency does not
   * change the limit, since it retries requests that storage failed before.
   */
  readonly runInBackground: (work: () => Promise<void>) => Promise<void>;
  /** Whether the whole limit is reached. */
  readonly isFull: () => boolean;
  /** Throws an `Overload`, and counts a rejection, when the limit is reached. Called before the request is parsed. */
  readonly requireCapacity: () => void;
  readonly state: () => ConcurrencyState;
}

export interface ConcurrencyState {
  readonly inProgress: number;
  /** The maximum of `inProgress`. */
  readonly limit: number;
  /** The number of requests rejected so far. */
  readonly rejected: number;
}

/** The maximum bytes of content of all pages in progress together. */
const MAX_BYTES = 256 * 1_048_576;

/** A send between two users writes four partitions; a request with more of them counts as several. */
const PARTITIONS_PER_REQUEST = 4;

/** The share of the limit that all reservations for groups may take together, so that other requests are not rejected. */
const GROUP_SHARE = 0.5;

/** The share of the limit that the requests of one user may take, so that those of other users are not rejected. */
const USER_SHARE = 0.5;

/** The share of the limit that background work may take. */
const BACKGROUND_SHARE = 0.25;

/** A limiter that starts at 64 requests, or at `maxRequestsInFlight` if that is less, and never exceeds the latter. */
export function makeConcurrencyLimiter(deps: {
  readonly maxRequestsInFlight: number;
  readonly clock: Pick<Clock, 'now'>;
}): ConcurrencyLimiter {
  const { maxRequestsInFlight, clock } = deps;
  const limit = makeAdaptiveLimit(maxRequestsInFlight, clock);
  let inProgress = 0;
  let inBackground = 0;
  /** The part of `inProgress` that is reserved. */
  let reserved = 0;
  let bytesInProgress = 0;
  let rejected = 0;
  /** The requests in progress of each user. */
  const ofUsers = makeBudget({
    total: Infinity,
    get share() {
      return Math.max(1, Math.floor(limit.value() * USER_SHARE));
    },
  });

  const isFull = (bytes = 0): boolean =>
    inProgress >= limit.value() || (bytes > 0 && bytesInProgress + bytes > MAX_BYTES);
  const reject = (): Overload => {
    rejected += 1;
    limit.recordRejection();
    return new Overload();
  };

  return {
    run(work, maxBytes = 0, userId = null) {
      if (isFull(maxBytes)) return Promise.reject(reject());
      if (!ofUsers.reserve(userId, 1)) {
        // The limit does not grow, since it is not reached.
        rejected += 1;
        return Promise.reject(new Overload());
      }
      inProgress += 1;
      bytesInProgress += maxBytes;
      const startedAt = clock.now();
      const end = (error?: unknown): void => {
        inProgress -= 1;
        ofUsers.release(userId, 1);
        bytesInProgress -= maxBytes;
        // A limit within the work rejects before most of its reads, so the duration says little about storage.
        if (!(error instanceof Overload)) limit.recordLatency((clock.now() - startedAt) / 1_000);
      };
      const result = work();
      result.then(() => {
        end();
      }, end);
      return result;
    },
    runInBackground(work) {
      const maxInBackground = Math.max(1, Math.floor(limit.value() * BACKGROUND_SHARE));
      if (inBackground >= maxInBackground || isFull()) return Promise.reject(new Overload());
      inBackground += 1;
      inProgress += 1;
      return work().finally(() => {
        inBackground -= 1;
        inProgress -= 1;
      });
    },
    reserve(partitions) {
      const needed = Math.max(Math.ceil(partitions / PARTITIONS_PER_REQUEST) - 1, 0);
      if (needed === 0) return () => undefined;
      // The request itself counts already, so it may be the last one that fits.
      if (inProgress > limit.value()) throw reject();
      const maxReserved = Math.max(1, Math.floor(limit.value() * GROUP_SHARE));
      // A larger group than this is admitted alone.
      const requests = Math.min(needed, maxReserved);
      if (reserved > 0 && reserved + requests > maxReserved) throw reject();
      inProgress += requests;
      reserved += requests;
      return () => {
        inProgress -= requests;
        reserved -= requests;
      };
    },
    isFull: () => isFull(),
    requireCapacity() {
      if (isFull()) throw reject();
    },
    state: () => ({ inProgress, limit: limit.value(), rejected }),
  };
}

/** Wraps the use cases: each runs within the limits of `limiter`. */
export function limitConcurrency(limiter: ConcurrencyLimiter, useCases: UseCases): UseCases {
  return wrapUseCases(
    useCases,
    (useCase, name) => (request) =>
      limiter.run(() => useCase(request), maxBytesOf(name, request), userOf(request)),
  );
}

/** The user who makes a request; null for a service. */
function userOf({ caller }: { readonly caller?: Caller }): UserId | null {
  return caller?.kind === 'user' ? caller.userId : null;
}

/** The initial limit and its minimum: enough to keep a small cluster busy. */
const INITIAL_LIMIT = 64;
const MIN_LIMIT = 32;

/**
 * The target of the median latency. Above it storage has more work than it can do in parallel, and the speculative
 * executions of the Cassandra adapter would only add to that.
 */
const TARGET_MS = 200;

/** The limit is adjusted after at least this many microseconds and at least this many results. */
const ADJUST_EVERY_US = 250_000;
const ADJUST_AFTER_RESULTS = 10;

/**
 * A limit that follows the latency of the last results (additive increase, multiplicative decrease, as in TCP). It uses
 * the median, because a replica that hangs or a large page makes some results slow although storage is not overloaded.
 */
function makeAdaptiveLimit(max: number, clock: Pick<Clock, 'now'>) {
  let value = Math.min(INITIAL_LIMIT, max);
  let latencies: number[] = [];
  let since = clock.now();
  let hasRejected = false;
  return {
    value: () => value,
    recordRejection(): void {
      hasRejected = true;
    },
    recordLatency(milliseconds: number): void {
      latencies.push(milliseconds);
      if (latencies.length < ADJUST_AFTER_RESULTS || Math.abs(clock.now() - since) < ADJUST_EVERY_US) return;
      const median = latencies.sort((a, b) => a - b)[latencies.length >> 1] ?? 0;
      if (median > TARGET_MS) value = Math.max(Math.min(MIN_LIMIT, max), Math.floor(0.8 * value));
      else if (hasRejected) value = Math.min(max, value + MIN_LIMIT);
      latencies = [];
      since = clock.now();
      hasRejected = false;
    },
  };
}
