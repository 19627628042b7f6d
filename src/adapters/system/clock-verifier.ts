import { ClockNotVerified, type ClockCheck } from '../../application/ports/clock-check.ts';
import type { Log } from '../../application/ports/log.ts';
import type { ReferenceClocks } from '../../application/ports/reference-clocks.ts';
import type { ClockReading, Instant, Judgement, VerifiedClock } from './verified-clock.ts';

/** How often a verified clock is measured, and how long measurements may fail before the log says so. */
const ROUND_EVERY_MS = 10_000;
const WARN_AFTER_MS = 60_000;

/** How often it is looked whether there is something to do: also how often a clock is measured that is not verified. */
const LOOK_EVERY_MS = 1_000;

/** How long a round waits for nodes. */
const MAX_ROUND_MS = 2_000;

/** A round of measurements in progress. */
interface Round {
  readonly sent: Instant;
  /** Resolves as soon as the readings decide, and otherwise when every node has answered or time is up. */
  readonly decided: Promise<void>;
}

/** Measures a clock against those of other hosts, at the start, every ten seconds, and when something is wrong. */
export class ClockVerifier implements ClockCheck {
  /** Resolves when the clock is verified for the first time. */
  readonly firstVerified: Promise<void>;
  readonly #clock: VerifiedClock;
  readonly #log: Log;
  readonly #roundTimeoutMs: number;
  readonly #waitMs: number;
  #resolveFirstVerified = (): void => undefined;
  #references: ReferenceClocks | null = null;
  #ticking: ReturnType<typeof setInterval> | null = null;
  #round: Round | null = null;
  #lastBegun = -Infinity;
  #lastDecided = -Infinity;
  #lastSaid: Judgement['verdict'] = 'undecided';
  #dissenters: ReadonlySet<string> = new Set();
  #saidStale = false;

  constructor(deps: { clock: VerifiedClock; log: Log; maxSkewMs: number; requestTimeoutMs: number }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
    // A reading that takes longer than the allowed skew would not count.
    this.#roundTimeoutMs = Math.min(deps.maxSkewMs, MAX_ROUND_MS);
    this.#waitMs = deps.requestTimeoutMs / 2;
    this.firstVerified = new Promise((resolve) => (this.#resolveFirstVerified = resolve));
  }

  /** Measures from now on against `references`. */
  start(references: ReferenceClocks): void {
    this.#references = references;
    this.#lastDecided = this.#clock.instant().steady;
    this.#ticking ??= setInterval(() => {
      this.#look();
    }, LOOK_EVERY_MS);
    // At the edge timers are numbers.
    (this.#ticking as { unref?: () => void }).unref?.();
    this.#look();
  }

  stop(): void {
    if (this.#ticking !== null) clearInterval(this.#ticking);
    this.#ticking = null;
    this.#references = null;
  }

  async verified(): Promise<void> {
    if (this.#clock.isVerified()) return;
    if (this.#clock.needsMeasurement()) await this.#within(this.measure());
    if (!this.#clock.isVerified()) throw new ClockNotVerified(this.#clock.problem() ?? undefined);
  }

  /** Resolves when a measurement that began after the last step of the wall clock has decided, or ended without. */
  measure(): Promise<void> {
    if (this.#round === null || !this.#clock.isComparable(this.#round.sent)) this.#begin();
    return this.#round?.decided ?? Promise.resolve();
  }

  #look(): void {
    const { steady } = this.#clock.instant();
    const isDue = Math.abs(steady - this.#lastBegun) >= ROUND_EVERY_MS;
    if (isDue || !this.#clock.isVerified()) void this.measure();
    if (this.#saidStale || steady - this.#lastDecided < WARN_AFTER_MS) return;
    this.#saidStale = true;
    this.#log.warn(
      {},
      'The clock could not be measured for a minute: too few Cassandra nodes answer in time. A verified clock goes on by the monotonic clock.',
    );
  }

  #begin(): void {
    const references = this.#references;
    const nodes = references?.nodes() ?? [];
    if (references === null || nodes.length === 0) return;
    const sent = this.#clock.instant();
    this.#lastBegun = sent.steady;
    const readings: ClockReading[] = [];
    let ended = false;
    let timer: ReturnType<typeof setTimeout>;
    const decided = new Promise<void>((resolve) => {
      const take = (): Judgement => {
        const judgement = this.#clock.take(readings, nodes.length);
        if (judgement.verdict !== 'undecided') {
          this.#announce(judgement);
          resolve();
        }
        return judgement;
      };
      const timeUp = new Promise<void>((end) => (timer = setTimeout(end, this.#roundTimeoutMs)));
      const asked = nodes.map(async (node) => {
        try {
          const time = await references.read(node);
          // By now another round may have said something newer.
          if (ended) return;
          readings.push({ node, time, sent, received: this.#clock.instant() });
          take();
        } catch {
          // A node that does not answer is one that does not vote.
        }
      });
      void Promise.race([Promise.allSettled(asked), timeUp]).then(() => {
        ended = true;
        clearTimeout(timer);
        if (this.#round === round) this.#round = null;
        if (readings.length > 0) this.#nameDissenters(take());
        resolve();
      });
    });
    const round: Round = { sent, decided };
    this.#round = round;
  }

  /** Says it where the verdict has changed. */
  #announce({ verdict, offsetMs }: Judgement): void {
    this.#lastDecided = this.#clock.instant().steady;
    this.#saidStale = false;
    if (verdict === 'verified') this.#resolveFirstVerified();
    if (verdict === this.#lastSaid) return;
    const isFirst = this.#lastSaid === 'undecided';
    this.#lastSaid = verdict;
    const fields = offsetMs === null ? {} : { offsetMs: Math.round(offsetMs) };
    if (verdict === 'verified') {
      const again = isFirst ? '' : ' again';
      this.#log.info(fields, `The clock of this host agrees with Cassandra's${again}; writes are taken.`);
    } else {
      this.#log.error(fields, `${this.#clock.problem()} Writes are refused.`);
    }
  }

  /** Says it where a node's clock begins to differ from the majority's, or agrees with them again. */
  #nameDissenters({ verdict, dissenters }: Judgement): void {
    if (verdict !== 'verified' && verdict !== 'differs') return;
    for (const [node, offsetMs] of dissenters) {
      if (this.#dissenters.has(node)) continue;
      this.#log.warn(
        { node, offsetMs: Math.round(offsetMs) },
        'The clock of this Cassandra node differs from those of the majority.',
      );
    }
    for (const node of this.#dissenters) {
      if (!dissenters.has(node)) {
        this.#log.info({ node }, 'The clock of this Cassandra node agrees with those of the majority again.');
      }
    }
    this.#dissenters = new Set(dissenters.keys());
  }

  /** Waits for `measured`, no longer than a request can spare. */
  async #within(measured: Promise<void>): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeUp = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#waitMs)));
    await Promise.race([measured, timeUp]);
    clearTimeout(timer);
  }
}
