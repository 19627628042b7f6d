import type { Clock } from '../../application/ports/clock.ts';
import type { Microseconds } from '../../domain/time.ts';
import { alignedOffset, type TimeSources } from './clock.ts';

/** The largest difference between wall and monotonic clock that is not a step. Slewing stays far below it. */
const STEP_TOLERANCE_MS = 50;

/** The assumed drift between measurements: the maximum rate at which NTP slews a clock. */
const MAX_DRIFT = 0.0005;

/** The shortest validity of a verification: a few rounds of measurements. */
export const SHORTEST_VALIDITY_MS = 30_000;

/** The values of both clocks of this host at one instant, in milliseconds. */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** The clock of another host, read at a time between two instants of this host. */
export interface ClockReading {
  readonly node: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly sent: Instant;
  readonly received: Instant;
}

/** The result of the measurements of this host's clock. */
type VerificationState =
  | { readonly kind: 'unmeasured' }
  | { readonly kind: 'verified'; readonly at: number }
  /** `majorityOffset`: what to add to the monotonic clock to have the majority's time. */
  | { readonly kind: 'differs'; readonly majorityOffset: number }
  | { readonly kind: 'no_majority' };

/** The result of the readings of one round. */
export interface ClockAssessment {
  /** `undecided` if too few nodes answered in time. */
  readonly verdict: 'verified' | 'differs' | 'no_majority' | 'undecided';
  /** The majority's time minus this host's wall clock, in milliseconds; null without a majority. */
  readonly offsetMs: number | null;
  /** The nodes whose clocks differ from the majority, with their time minus this host's, in milliseconds. */
  readonly outliers: ReadonlyMap<string, number>;
}

/** An offset within `estimate` ± `error`, in milliseconds. */
interface Offset {
  readonly node: string;
  readonly estimate: number;
  readonly error: number;
}

/**
 * A clock that is compared with those of other hosts. Its time is the last verified time plus the time since then on
 * the monotonic clock. A step of the wall clock does not change it; the next measurement decides whether it follows. It
 * has no timers: a `ClockVerifier` calls it with readings.
 */
export class VerifiedClock implements Clock {
  readonly #sources: TimeSources;
  readonly #maxSkewMs: number;
  readonly #validForMs: number;
  /** The offset that gives the time when added to the monotonic clock. */
  #offset: number;
  #state: VerificationState = { kind: 'unmeasured' };
  #wasVerified = false;
  #offsetMs: number | null = null;

  constructor(deps: {
    sources: TimeSources;
    /** The largest allowed difference between this host's clock and the majority. */
    maxSkewMs: number;
    /** The validity of a verification. Default: the time in which the clock could drift by the allowed skew. */
    validForMs?: number;
  }) {
    this.#sources = deps.sources;
    this.#maxSkewMs = deps.maxSkewMs;
    this.#validForMs = deps.validForMs ?? Math.max(deps.maxSkewMs / MAX_DRIFT, SHORTEST_VALIDITY_MS);
    const { wall, monotonic } = this.instant();
    this.#offset = wall - monotonic;
  }

  now(): Microseconds {
    return Math.round((this.#sources.monotonic() + this.#offset) * 1_000);
  }

  latest(): Microseconds {
    // A wall clock that is measured to be wrong can't be used to compute an age.
    const other =
      this.#state.kind === 'differs'
        ? this.#sources.monotonic() + this.#state.majorityOffset
        : this.#sources.wall();
    return Math.max(this.now(), Math.round(other * 1_000));
  }

  /** Both clocks at one instant. If the process was interrupted between the two reads, they are read again. */
  instant(): Instant {
    let best = { wall: 0, monotonic: 0, took: Infinity };
    for (let attempt = 0; attempt < 5 && best.took > 1; attempt += 1) {
      const before = this.#sources.monotonic();
      const wall = this.#sources.wall();
      const monotonic = this.#sources.monotonic();
      if (monotonic - before < best.took) best = { wall, monotonic, took: monotonic - before };
    }
    return { wall: best.wall, monotonic: best.monotonic };
  }

  isVerified(): boolean {
    return this.#state.kind === 'verified' && !this.needsMeasurement();
  }

  /**
   * Whether a verified clock needs a new measurement: the wall clock was set, the host was suspended, or the last
   * measurement is too old.
   */
  needsMeasurement(): boolean {
    if (this.#state.kind !== 'verified') return false;
    const { wall, monotonic } = this.instant();
    const age = monotonic - this.#state.at;
    const step = Math.abs(wall - monotonic - this.#offset);
    return step > this.#toleranceMs || age < 0 || age > this.#validForMs;
  }

  /** The reason why the clock is not verified, as a sentence for the operator; null if it is verified. */
  problem(): string | null {
    switch (this.#state.kind) {
      case 'unmeasured':
        return 'The clock of this host could not yet be compared with those of most Cassandra nodes.';
      case 'no_majority':
        return "The clocks of Cassandra's nodes differ from each other, so the clock of this host can't be verified.";
      case 'differs': {
        const offset = Math.round(this.#offsetMs ?? 0);
        const direction = offset > 0 ? 'behind' : 'ahead of';
        return (
          `The clock of this host is ${Math.abs(offset)} ms ${direction} Cassandra's; ` +
          `the limit is ${this.#maxSkewMs} ms (MAX_CLOCK_SKEW_MS).`
        );
      }
      case 'verified':
        return this.needsMeasurement()
          ? 'The clock of this host was set, or the host was suspended, and the clock has not been measured since.'
          : null;
    }
  }

  /** The majority's time minus this host's wall clock at the last measurement, in milliseconds. */
  get offsetMs(): number | null {
    return this.#offsetMs;
  }

  /** Whether a reading that was requested at `sent` is still usable: the wall clock was not set since. */
  isComparable(sent: Instant): boolean {
    return this.#isComparable(sent, this.instant());
  }

  /**
   * Evaluates the readings of one round of `nodeCount` nodes so far, and updates the clock. A reading that took longer
   * than the allowed skew, or during which the wall clock was set, is ignored. The verdict `undecided` changes nothing.
   */
  take(readings: readonly ClockReading[], nodeCount: number): ClockAssessment {
    const instant = this.instant();
    const offsets = readings
      .filter(
        ({ sent, received }) =>
          // The duration is negative if the wall clock is also used as the monotonic clock, and was set.
          received.monotonic >= sent.monotonic &&
          received.monotonic - sent.monotonic <= this.#maxSkewMs &&
          this.#isComparable(sent, instant),
      )
      .map((reading) => offsetOf(reading, instant));
    const assessment = assess(offsets, nodeCount, this.#maxSkewMs);
    const { verdict, offsetMs } = assessment;
    if (verdict === 'undecided') return assessment;
    this.#offsetMs = offsetMs;
    if (verdict === 'verified') {
      this.#offset = alignedOffset(this.#offset, instant);
      this.#state = { kind: 'verified', at: instant.monotonic };
      this.#wasVerified = true;
    } else if (verdict === 'differs') {
      const majorityOffset = instant.wall - instant.monotonic + (offsetMs ?? 0);
      // Before the first verification, reads use the majority's time. Afterwards the nodes may be wrong, and a send in
      // progress may still make the id of a late event, so ids continue from the last verified time.
      if (!this.#wasVerified) this.#offset = majorityOffset;
      this.#state = { kind: 'differs', majorityOffset };
    } else {
      this.#state = { kind: 'no_majority' };
    }
    return assessment;
  }

  get #toleranceMs(): number {
    return Math.max(Math.min(STEP_TOLERANCE_MS, this.#maxSkewMs), 2);
  }

  #isComparable(sent: Instant, { wall, monotonic }: Instant): boolean {
    return Math.abs(sent.wall - sent.monotonic - (wall - monotonic)) <= this.#toleranceMs;
  }
}

/** The time of a node's clock minus the wall clock of `instant`. */
function offsetOf({ node, time, sent, received }: ClockReading, { wall, monotonic }: Instant): Offset {
  const error = (received.monotonic - sent.monotonic) / 2;
  return { node, estimate: time - (sent.monotonic + error) - (wall - monotonic), error };
}

/** The assessment of this host's clock from the offsets of the nodes that answered, out of `nodeCount` nodes. */
function assess(offsets: readonly Offset[], nodeCount: number, maxSkewMs: number): ClockAssessment {
  const sorted = [...offsets].sort((a, b) => a.estimate - b.estimate);
  // If a majority agrees, the median belongs to it. Of an even number it is the lower middle value: a measured offset.
  const median = sorted[(sorted.length - 1) >> 1];
  const nothing = { offsetMs: null, outliers: new Map<string, number>() };
  if (median === undefined) return { verdict: 'undecided', ...nothing };
  const differing = sorted.filter(
    ({ estimate, error }) => Math.abs(estimate - median.estimate) - error - median.error > maxSkewMs,
  );
  if (2 * (sorted.length - differing.length) <= nodeCount) {
    return { verdict: sorted.length === nodeCount ? 'no_majority' : 'undecided', ...nothing };
  }
  const outliers = new Map(differing.map(({ node, estimate }) => [node, estimate]));
  const distance = Math.abs(median.estimate);
  if (distance + median.error <= maxSkewMs) {
    return { verdict: 'verified', offsetMs: median.estimate, outliers };
  }
  if (distance - median.error > maxSkewMs) return { verdict: 'differs', offsetMs: median.estimate, outliers };
  return { verdict: 'undecided', offsetMs: null, outliers };
}
