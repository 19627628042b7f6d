import type { Clock } from '../../application/ports/clock.ts';
import type { IdempotencyKey, UserId } from '../../domain/ids.ts';
import type { Microseconds } from '../../domain/time.ts';

const DAY: Microseconds = 86_400_000_000;

interface Claim {
  /** What the key was first used for. */
  readonly body: string;
  readonly result: unknown;
  readonly claimedAt: Microseconds;
}

/** The idempotency keys of all users, in this process's memory. */
export class MemoryIdempotencyKeys {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #retention: Microseconds;
  /** By user and key, joined by a space, which neither can contain; in the order of the claims. */
  readonly #claims = new Map<string, Claim>();

  constructor(deps: { clock: Pick<Clock, 'now'>; keyRetentionDays: number }) {
    this.#clock = deps.clock;
    this.#retention = deps.keyRetentionDays === 0 ? Infinity : deps.keyRetentionDays * DAY;
  }

  /**
   * Claims `key` of `userId` for `result`. Returns the result of the first claim with the same `body` within the
   * retention, which may be this one; null if the key was claimed with another body.
   */
  claim<Result>(userId: UserId, key: IdempotencyKey, body: string, result: Result): Result | null {
    this.#dropExpired();
    const name = `${userId} ${key}`;
    const claim = this.#claims.get(name);
    if (claim === undefined) {
      this.#claims.set(name, { body, result, claimedAt: this.#clock.now() });
      return result;
    }
    // The body determines the kind of the result.
    return claim.body === body ? (claim.result as Result) : null;
  }

  /** The result that `key` of `userId` was claimed for within the retention; undefined if there is none. */
  find(userId: UserId, key: IdempotencyKey): unknown {
    this.#dropExpired();
    return this.#claims.get(`${userId} ${key}`)?.result;
  }

  #dropExpired(): void {
    const before = this.#clock.now() - this.#retention;
    for (const [name, { claimedAt }] of this.#claims) {
      if (claimedAt >= before) return;
      this.#claims.delete(name);
    }
  }
}
