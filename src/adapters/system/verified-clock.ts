import type { Clock } from '../../application/ports/clock.ts';
import type { Microseconds } from '../../domain/time.ts';
import { alignedLead, type TimeSources } from './clock.ts';

/** How far the wall clock may leave the monotonic one before it counts as a step. Slewing stays far below. */
const STEP_TOLERANCE_MS = 50;

/** The drift that is allowed for without measurements: the most by which NTP slews a clock. */
const MAX_DRIFT = 0.0005;

/** How long a verification holds at the least: a few rounds of measurements. */
export const SHORTEST_VALIDITY_MS = 30_000;

/** What both sources of this host showed at one instant, in milliseconds. */
export interface Instant {
  readonly wall: number;
  readonly steady: number;
}

/** The clock of another host, read at some time between two instants of this one. */
export interface ClockReading {
  readonly node: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly sent: Instant;
  readonly received: Instant;
}

/** What the measurements say of this host's clock. */
type Standing =
  | { readonly kind: 'unmeasured' }
  | { readonly kind: 'verified'; readonly at: number }
  /** `majorityLead`: what to add to the monotonic clock to have the majority's time. */
  | { readonly kind: 'differs'; readonly majorityLead: number }
  | { readonly kind: 'no_majority' };

/** What the readings of one round say. */
export interface Judgement {
  /** `undecided` where too few nodes answered in time to tell. */
  readonly verdict: 'verified' | 'differs' | 'no_majority' | 'undecided';
  /** What the majority's clocks show beyond this host's wall clock, in milliseconds; null without a majority. */
  readonly offsetMs: number | null;
  /** The nodes whose clocks differ from the majority's, with what they show beyond this host's. */
  readonly dissenters: ReadonlyMap<string, number>;
}

/** An offset that is known to lie within `middle` ± `error`, in milliseconds. */
interface Offset {
  readonly node: string;
  readonly middle: number;
  readonly error: number;
}

/**
 * A clock that is compared with those of other hosts. It shows the last verified time plus what the monotonic clock has
 * counted since, so a step of the wall clock does not move it; the next measurement decides whether it follows. Has no
 * timers: a `ClockVerifier` brings it the readings.
 */
export class VerifiedClock implements Clock {
  readonly #sources: TimeSources;
  readonly #maxSkewMs: number;
  readonly #validForMs: number;
  /** What is added to the monotonic clock to have the time. */
  #lead: number;
  #standing: Standing = { kind: 'unmeasured' };
  #wasVerified = false;
  #offsetMs: number | null = null;

  constructor(deps: {
    sources: TimeSources;
    /** How far this host's clock may differ from the majority's. */
    maxSkewMs: number;
    /** How long a verification holds: by default until the monotonic clock could have drifted by the allowed skew. */
    validForMs?: number;
  }) {
    this.#sources = deps.sources;
    this.#maxSkewMs = deps.maxSkewMs;
    this.#validForMs = deps.validForMs ?? Math.max(deps.maxSkewMs / MAX_DRIFT, SHORTEST_VALIDITY_MS);
    const { wall, steady } = this.instant();
    this.#lead = wall - steady;
  }

  now(): Microseconds {
    return Math.round((this.#sources.steady() + this.#lead) * 1_000);
  }

  latest(): Microseconds {
    // A wall clock that was measured to be wrong says nothing of how old something is.
    const other =
      this.#standing.kind === 'differs'
        ? this.#sources.steady() + this.#standing.majorityLead
        : this.#sources.wall();
    return Math.max(this.now(), Math.round(other * 1_000));
  }

  /** Both sources as of one instant: where the process was interrupted between the two, they are read again. */
  instant(): Instant {
    let best = { wall: 0, steady: 0, took: Infinity };
    for (let attempt = 0; attempt < 5 && best.took > 1; attempt += 1) {
      const before = this.#sources.steady();
      const wall = this.#sources.wall();
      const steady = this.#sources.steady();
      if (steady - before < best.took) best = { wall, steady, took: steady - before };
    }
    return { wall: best.wall, steady: best.steady };
  }

  isVerified(): boolean {
    return this.#standing.kind === 'verified' && !this.needsMeasurement();
  }

  /**
   * Whether a new measurement has to say if a verified clock still is: the wall clock has been set, the host was
   * suspended, or the last measurement is too long ago.
   */
  needsMeasurement(): boolean {
    if (this.#standing.kind !== 'verified') return false;
    const { wall, steady } = this.instant();
    const age = steady - this.#standing.at;
    const step = Math.abs(wall - steady - this.#lead);
    return step > this.#toleranceMs || age < 0 || age > this.#validForMs;
  }

  /** Why the clock is not verified, in a sentence for people; null where it is. */
  problem(): string | null {
    switch (this.#standing.kind) {
      case 'unmeasured':
        return 'The clock of this host could not be compared with those of most Cassandra nodes yet.';
      case 'no_majority':
        return "The clocks of Cassandra's nodes differ from each other, so the clock of this host can't be verified.";
      case 'differs': {
        const offset = Math.round(this.#offsetMs ?? 0);
        const direction = offset > 0 ? 'behind' : 'ahead of';
        return (
          `The clock of this host is ${Math.abs(offset)} ms ${direction} Cassandra's; ` +
          `at most ${this.#maxSkewMs} ms are allowed (MAX_CLOCK_SKEW_MS).`
        );
      }
      case 'verified':
        return this.needsMeasurement()
          ? 'The clock of this host was set, or the host was suspended, and it has not been measured again yet.'
          : null;
    }
  }

  /** What the majority's clocks showed beyond this host's wall clock at the last measurement, in milliseconds. */
  get offsetMs(): number | null {
    return this.#offsetMs;
  }

  /** Whether a reading that was sent at `sent` can still be used: the wall clock was not set since. */
  isComparable(sent: Instant): boolean {
    return this.#isComparable(sent, this.instant());
  }

  /**
   * Takes the readings of one round so far, out of `asked` nodes, and says what they show. A reading that took longer
   * than the allowed skew, or during which the wall clock was set, counts as none. Without a decision everything stays
   * as it was.
   */
  take(readings: readonly ClockReading[], asked: number): Judgement {
    const instant = this.instant();
    const offsets = readings
      .filter(
        ({ sent, received }) =>
          // It is negative where a clock that is set serves as the monotonic one.
          received.steady >= sent.steady &&
          received.steady - sent.steady <= this.#maxSkewMs &&
          this.#isComparable(sent, instant),
      )
      .map((reading) => offsetOf(reading, instant));
    const judgement = judge(offsets, asked, this.#maxSkewMs);
    const { verdict, offsetMs } = judgement;
    if (verdict === 'undecided') return judgement;
    this.#offsetMs = offsetMs;
    if (verdict === 'verified') {
      this.#lead = alignedLead(this.#lead, instant);
      this.#standing = { kind: 'verified', at: instant.steady };
      this.#wasVerified = true;
    } else if (verdict === 'differs') {
      const majorityLead = instant.wall - instant.steady + (offsetMs ?? 0);
      // Reads go by the majority's time where there is no verified one. Later it is the nodes that may be wrong, and a
      // send in progress may still make the id of a late event: that goes on by the last verified time.
      if (!this.#wasVerified) this.#lead = majorityLead;
      this.#standing = { kind: 'differs', majorityLead };
    } else {
      this.#standing = { kind: 'no_majority' };
    }
    return judgement;
  }

  get #toleranceMs(): number {
    return Math.max(Math.min(STEP_TOLERANCE_MS, this.#maxSkewMs), 2);
  }

  #isComparable(sent: Instant, { wall, steady }: Instant): boolean {
    return Math.abs(sent.wall - sent.steady - (wall - steady)) <= this.#toleranceMs;
  }
}

/** What a node's clock shows beyond the wall clock of `instant`. */
function offsetOf({ node, time, sent, received }: ClockReading, { wall, steady }: Instant): Offset {
  const error = (received.steady - sent.steady) / 2;
  return { node, middle: time - (sent.steady + error) - (wall - steady), error };
}

/** What these offsets of `asked` nodes say of the clock that they were measured against. */
function judge(offsets: readonly Offset[], asked: number, maxSkewMs: number): Judgement {
  const sorted = [...offsets].sort((a, b) => a.middle - b.middle);
  // Where a majority agrees, the median is of it. Of an even number it is the lower one, which is somebody's clock.
  const median = sorted[(sorted.length - 1) >> 1];
  const nothing = { offsetMs: null, dissenters: new Map<string, number>() };
  if (median === undefined) return { verdict: 'undecided', ...nothing };
  const dissenting = sorted.filter(
    ({ middle, error }) => Math.abs(middle - median.middle) - error - median.error > maxSkewMs,
  );
  if (2 * (sorted.length - dissenting.length) <= asked) {
    return { verdict: sorted.length === asked ? 'no_majority' : 'undecided', ...nothing };
  }
  const dissenters = new Map(dissenting.map(({ node, middle }) => [node, middle]));
  const distance = Math.abs(median.middle);
  if (distance + median.error <= maxSkewMs) {
    return { verdict: 'verified', offsetMs: median.middle, dissenters };
  }
  if (distance - median.error > maxSkewMs) return { verdict: 'differs', offsetMs: median.middle, dissenters };
  return { verdict: 'undecided', offsetMs: null, dissenters };
}
