import { ClockNotVerified, type ClockCheck } from '../../application/ports/clock-check.ts';
import type { Log } from '../../application/ports/log.ts';
import type { ReferenceClocks } from '../../application/ports/reference-clocks.ts';
import type { ClockReading, Instant, ClockAssessment, VerifiedClock } from './verified-clock.ts';

/** How often a verified clock is measured, and after which time without a result the log has a warning. */
const ROUND_INTERVAL_MS = 10_000;
const WARN_AFTER_MS = 60_000;

/** How often the timer checks whether a measurement is due, and how often an unverified clock is measured. */
const TICK_INTERVAL_MS = 1_000;

/** How long a round of measurements waits for nodes. */
const ROUND_TIMEOUT_MS = 2_000;

/** A round of measurements in progress. */
interface Round {
  readonly sent: Instant;
  /** Resolves as soon as the readings give a verdict, or when every node has answered or the timeout is over. */
  readonly decided: Promise<void>;
}

/** Compares a clock with those of other hosts: at the start, every ten seconds, and every second while unverified. */
export class ClockVerifier implements ClockCheck {
  /** Resolves when the clock is verified for the first time. */
  readonly firstVerified: Promise<void>;
  readonly #clock: VerifiedClock;
  readonly #log: Log;
  readonly #roundTimeoutMs: number;
  readonly #waitMs: number;
  #resolveFirstVerified = (): void => undefined;
  #references: ReferenceClocks | null = null;
  #interval: ReturnType<typeof setInterval> | null = null;
  #round: Round | null = null;
  #lastStartedAt = -Infinity;
  #lastDecidedAt = -Infinity;
  #lastLoggedVerdict: ClockAssessment['verdict'] = 'undecided';
  #outliers: ReadonlySet<string> = new Set();
  #staleLogged = false;

  constructor(deps: { clock: VerifiedClock; log: Log; maxSkewMs: number; requestTimeoutMs: number }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
    // A reading that takes longer than the allowed skew is discarded.
    this.#roundTimeoutMs = Math.min(deps.maxSkewMs, ROUND_TIMEOUT_MS);
    this.#waitMs = deps.requestTimeoutMs / 2;
    this.firstVerified = new Promise((resolve) => (this.#resolveFirstVerified = resolve));
  }

  /** Starts measuring against `references`. */
  start(references: ReferenceClocks): void {
    this.#references = references;
    this.#lastDecidedAt = this.#clock.instant().monotonic;
    this.#interval ??= setInterval(() => {
      this.#tick();
    }, TICK_INTERVAL_MS);
    // At the edge timers are numbers.
    (this.#interval as { unref?: () => void }).unref?.();
    this.#tick();
  }

  stop(): void {
    if (this.#interval !== null) clearInterval(this.#interval);
    this.#interval = null;
    this.#references = null;
  }

  async verified(): Promise<void> {
    if (this.#clock.isVerified()) return;
    if (this.#clock.needsMeasurement()) await this.#within(this.measure());
    if (!this.#clock.isVerified()) throw new ClockNotVerified(this.#clock.problem() ?? undefined);
  }

  /** Resolves when a round that started after the last step of the wall clock has given a verdict or has ended. */
  measure(): Promise<void> {
    if (this.#round === null || !this.#clock.isComparable(this.#round.sent)) this.#startRound();
    return this.#round?.decided ?? Promise.resolve();
  }

  #tick(): void {
    const { monotonic } = this.#clock.instant();
    const isDue = Math.abs(monotonic - this.#lastStartedAt) >= ROUND_INTERVAL_MS;
    if (isDue || !this.#clock.isVerified()) void this.measure();
    if (this.#staleLogged || monotonic - this.#lastDecidedAt < WARN_AFTER_MS) return;
    this.#staleLogged = true;
    this.#log.warn(
      {},
      'The clock could not be measured for a minute: too few Cassandra nodes answer in time. A verified clock continues with the monotonic clock.',
    );
  }

  #startRound(): void {
    const references = this.#references;
    const nodes = references?.nodes() ?? [];
    if (references === null || nodes.length === 0) return;
    const sent = this.#clock.instant();
    this.#lastStartedAt = sent.monotonic;
    const readings: ClockReading[] = [];
    let ended = false;
    let timer: ReturnType<typeof setTimeout>;
    const decided = new Promise<void>((resolve) => {
      const take = (): ClockAssessment => {
        const assessment = this.#clock.take(readings, nodes.length);
        if (assessment.verdict !== 'undecided') {
          this.#logVerdict(assessment);
          resolve();
        }
        return assessment;
      };
      const timedOut = new Promise<void>((end) => (timer = setTimeout(end, this.#roundTimeoutMs)));
      const reads = nodes.map(async (node) => {
        try {
          const time = await references.read(node);
          // Another round may have a newer result by now.
          if (ended) return;
          readings.push({ node, time, sent, received: this.#clock.instant() });
          take();
        } catch {
          // A node that does not answer is not counted.
        }
      });
      void Promise.race([Promise.allSettled(reads), timedOut]).then(() => {
        ended = true;
        clearTimeout(timer);
        if (this.#round === round) this.#round = null;
        if (readings.length > 0) this.#logOutliers(take());
        resolve();
      });
    });
    const round: Round = { sent, decided };
    this.#round = round;
  }

  /** Logs the verdict if it has changed. */
  #logVerdict({ verdict, offsetMs }: ClockAssessment): void {
    this.#lastDecidedAt = this.#clock.instant().monotonic;
    this.#staleLogged = false;
    if (verdict === 'verified') this.#resolveFirstVerified();
    if (verdict === this.#lastLoggedVerdict) return;
    const isFirst = this.#lastLoggedVerdict === 'undecided';
    this.#lastLoggedVerdict = verdict;
    const fields = offsetMs === null ? {} : { offsetMs: Math.round(offsetMs) };
    if (verdict === 'verified') {
      const again = isFirst ? '' : ' again';
      this.#log.info(fields, `The clock of this host agrees with Cassandra's${again}; writes are accepted.`);
    } else {
      this.#log.error(fields, `${this.#clock.problem()} Writes are refused.`);
    }
  }

  /** Logs each node whose clock starts to differ from the majority, or agrees with it again. */
  #logOutliers({ verdict, outliers }: ClockAssessment): void {
    if (verdict !== 'verified' && verdict !== 'differs') return;
    for (const [node, offsetMs] of outliers) {
      if (this.#outliers.has(node)) continue;
      this.#log.warn(
        { node, offsetMs: Math.round(offsetMs) },
        'The clock of this Cassandra node differs from the majority.',
      );
    }
    for (const node of this.#outliers) {
      if (!outliers.has(node)) {
        this.#log.info({ node }, 'The clock of this Cassandra node agrees with the majority again.');
      }
    }
    this.#outliers = new Set(outliers.keys());
  }

  /** Waits for `measured`, for half the request timeout at most. */
  async #within(measured: Promise<void>): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timedOut = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#waitMs)));
    await Promise.race([measured, timedOut]);
    clearTimeout(timer);
  }
}
