import type { UserId } from '../../domain/ids.ts';
import { HttpFailure } from './problems.ts';

/** What open streams and waiting polls may take of one process. */
export interface StreamLimits {
  /** How many there may be, and how many of one user. */
  readonly streams: number;
  readonly streamsPerUser: number;
  /** What was sent on all streams and not yet taken by the connections, in bytes. */
  readonly unreadBytes: number;
  /** How long a client may take to read what was sent to it, in milliseconds. */
  readonly readWithinMs: number;
}

export const STREAM_LIMITS: StreamLimits = {
  streams: 10_000,
  streamsPerUser: 20,
  unreadBytes: 32 * 2 ** 20,
  readWithinMs: 10_000,
};

/** Why a stream ended. */
export type StreamEnd = 'client' | 'slow' | 'expired' | 'stopping' | 'behind';

/** One stream or waiting poll. */
export interface OpenStream {
  /** Aborts when it is to end. */
  readonly signal: AbortSignal;
  /** Ends it; the first reason counts. To be called in any case. */
  readonly end: (why: StreamEnd) => void;
}

interface Waiting {
  readonly bytes: number;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly cut: () => void;
}

/** The streams and waiting polls of this process, within `limits`. */
export class EventStreams {
  readonly #limits: StreamLimits;
  readonly #open = new Set<(why: StreamEnd) => void>();
  readonly #byUser = new Map<UserId, number>();
  /** The streams that wait for their client to read, oldest first. */
  readonly #waiting = new Set<Waiting>();
  #unread = 0;
  #isStopping = false;

  constructor(limits: StreamLimits = STREAM_LIMITS) {
    this.#limits = limits;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens one for `userId`. Throws an `HttpFailure` where there is no room. */
  open(userId: UserId): OpenStream {
    const own = this.#byUser.get(userId) ?? 0;
    if (own >= this.#limits.streamsPerUser) throw new HttpFailure('too_many_streams');
    if (this.#open.size >= this.#limits.streams) throw new HttpFailure('overloaded');
    const controller = new AbortController();
    const end = (why: StreamEnd): void => {
      if (!this.#open.delete(end)) return;
      const left = (this.#byUser.get(userId) ?? 1) - 1;
      if (left === 0) this.#byUser.delete(userId);
      else this.#byUser.set(userId, left);
      controller.abort(why);
    };
    this.#byUser.set(userId, own + 1);
    this.#open.add(end);
    if (this.#isStopping) end('stopping');
    return { signal: controller.signal, end };
  }

  /**
   * Notes `bytes` that were sent on a stream, until the function that comes back says that its connection has taken them.
   * Calls `cut` where that takes too long; or where all streams hold too much, for those that have waited longest.
   */
  sent(bytes: number, cut: () => void): () => void {
    const taken = (): void => {
      clearTimeout(waiting.timer);
      if (this.#waiting.delete(waiting)) this.#unread -= bytes;
    };
    const waiting = {
      bytes,
      timer: setTimeout(() => {
        waiting.cut();
      }, this.#limits.readWithinMs),
      cut: () => {
        taken();
        cut();
      },
    };
    this.#waiting.add(waiting);
    this.#unread += bytes;
    for (const oldest of this.#waiting) {
      if (this.#unread <= this.#limits.unreadBytes) break;
      oldest.cut();
    }
    return taken;
  }

  /** Ends all that are open, and each that is opened from now on. */
  endAll(): void {
    this.#isStopping = true;
    for (const end of this.#open) end('stopping');
  }
}
