import type { UserId } from '../../domain/ids.ts';
import type { StreamEnd } from '../../application/ports/telemetry.ts';
import { HttpFailure } from './problems.ts';

/** The limits on open streams and waiting polls of one process. */
export interface StreamLimits {
  /** The maximum number, in total and per user. */
  readonly streams: number;
  readonly streamsPerUser: number;
  /** The maximum of bytes, over all streams, that were sent and that connections have not yet accepted. */
  readonly unreadBytes: number;
  /** The time that a client has to read each part that is sent to it, in milliseconds. */
  readonly readTimeoutMs: number;
  /**
   * The age at which a stream ends and its client resumes, in milliseconds. It bounds the life of a stream whose client
   * vanished without closing its connection: TCP accepts small heartbeats for many minutes, and no runtime reports that
   * they are not acknowledged. Streams end up to a fifth earlier, so that those opened together do not resume together.
   */
  readonly maxAgeMs: number;
}

export const STREAM_LIMITS: StreamLimits = {
  streams: 10_000,
  streamsPerUser: 20,
  unreadBytes: 32 * 2 ** 20,
  readTimeoutMs: 10_000,
  maxAgeMs: 300_000,
};

/** One stream or waiting poll. */
export interface OpenStream {
  /** Aborts when the stream has to end. */
  readonly signal: AbortSignal;
  /** Ends the stream; only the first reason counts. Must always be called. */
  readonly end: (reason: StreamEnd) => void;
}

interface Waiting {
  readonly bytes: number;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly disconnect: () => void;
}

/** The streams and waiting polls of this process, within `limits`. */
export class EventStreams {
  readonly #limits: StreamLimits;
  readonly #open = new Set<(reason: StreamEnd) => void>();
  readonly #byUser = new Map<UserId, number>();
  /** The sent parts that clients have not yet read, oldest first. */
  readonly #waiting = new Set<Waiting>();
  #unread = 0;
  #isStopping = false;

  constructor(limits: StreamLimits = STREAM_LIMITS) {
    this.#limits = limits;
  }

  /** The number of open streams and waiting polls. */
  get size(): number {
    return this.#open.size;
  }

  /** The maximum of `size`. */
  get limit(): number {
    return this.#limits.streams;
  }

  /** Opens a stream or poll for `userId`. Throws an `HttpFailure` if a limit is reached. */
  open(userId: UserId): OpenStream {
    const own = this.#byUser.get(userId) ?? 0;
    if (own >= this.#limits.streamsPerUser) throw new HttpFailure('too_many_streams');
    if (this.#open.size >= this.#limits.streams) throw new HttpFailure('overloaded');
    const controller = new AbortController();
    const end = (reason: StreamEnd): void => {
      if (!this.#open.delete(end)) return;
      clearTimeout(timer);
      const left = (this.#byUser.get(userId) ?? 1) - 1;
      if (left === 0) this.#byUser.delete(userId);
      else this.#byUser.set(userId, left);
      controller.abort(reason);
    };
    const timer = setTimeout(end, this.#limits.maxAgeMs * (1 - Math.random() / 5), 'age');
    this.#byUser.set(userId, own + 1);
    this.#open.add(end);
    if (this.#isStopping) end('stopping');
    return { signal: controller.signal, end };
  }

  /**
   * Counts `bytes` as unread until the returned function is called, which must be when the connection has accepted them.
   * Calls `disconnect` if that takes longer than `readTimeoutMs`, or if the total exceeds `unreadBytes` and these bytes have
   * waited longest.
   */
  sent(bytes: number, disconnect: () => void): () => void {
    const onAccepted = (): void => {
      clearTimeout(waiting.timer);
      if (this.#waiting.delete(waiting)) this.#unread -= bytes;
    };
    const waiting = {
      bytes,
      timer: setTimeout(() => {
        waiting.disconnect();
      }, this.#limits.readTimeoutMs),
      disconnect: () => {
        onAccepted();
        disconnect();
      },
    };
    this.#waiting.add(waiting);
    this.#unread += bytes;
    for (const oldest of this.#waiting) {
      if (this.#unread <= this.#limits.unreadBytes) break;
      oldest.disconnect();
    }
    return onAccepted;
  }

  /** Ends all open streams and polls, and each one that is opened later. */
  endAll(): void {
    this.#isStopping = true;
    for (const end of this.#open) end('stopping');
  }
}
