import { policies } from 'cassandra-driver';
import type { Telemetry } from '../../application/ports/telemetry.ts';
import { definitelyNotApplied } from './failures.ts';

/** How long an attempt may run alone before the same idempotent statement is also sent to another node. */
export const SPECULATIVE_DELAY_MS = 200;

/** How long attempts at a transaction may run before a second and a third node get it: several rounds between nodes. */
const TRANSACTION_DELAYS_MS = [300, 600] as const;

/** The further nodes that a statement is sent to at most because the first ones are slow. */
const FURTHER_NODES = 2;

/**
 * Transactions may be sent to a further node half as often as there are transactions, and so often in a row: enough
 * while one of three nodes hangs, and too little to double the work of a cluster that is slow as a whole. Those in
 * flight when the last of it is spent may still be sent once more, and are made up for later.
 */
const HEDGED_SHARE = 0.5;
const HEDGED_IN_A_ROW = 50;

const { RetryPolicy } = policies.retry;
type Decision = ReturnType<policies.retry.RetryPolicy['rethrowResult']>;

/** Tells of each attempt that is made again. */
abstract class InstrumentedRetry extends RetryPolicy {
  readonly #telemetry: Telemetry;

  constructor(telemetry: Telemetry) {
    super();
    this.#telemetry = telemetry;
  }

  protected sameNode(): Decision {
    this.#telemetry.attemptRepeated();
    return this.retryResult(undefined as never, true);
  }

  protected nextNode(): Decision {
    this.#telemetry.attemptRepeated();
    return this.retryResult(undefined as never, false);
  }
}

/** Reads change nothing, so any failure of one may be tried again: at once on the same node, or on the next. */
export class ReadRetry extends InstrumentedRetry {
  override onReadTimeout(info: policies.retry.OperationInfo): Decision {
    return info.nbRetry < 1 ? this.sameNode() : this.rethrowResult();
  }

  override onUnavailable(info: policies.retry.OperationInfo): Decision {
    return info.nbRetry < 1 ? this.nextNode() : this.rethrowResult();
  }

  override onRequestError(info: policies.retry.OperationInfo): Decision {
    return info.nbRetry < 2 ? this.nextNode() : this.rethrowResult();
  }
}

/**
 * The writes of one request, and whether any attempt of any of them may have reached a replica: only when none may
 * have, a failure is `unavailable`. Being the driver's retry policy for them, it sees each attempt.
 */
export class WriteAttempts extends InstrumentedRetry {
  mayHaveApplied = false;

  override onWriteTimeout(info: policies.retry.OperationInfo): Decision {
    this.mayHaveApplied = true;
    return info.nbRetry < 1 ? this.sameNode() : this.rethrowResult();
  }

  override onUnavailable(info: policies.retry.OperationInfo): Decision {
    return info.nbRetry < 1 ? this.nextNode() : this.rethrowResult();
  }

  override onRequestError(info: policies.retry.OperationInfo, _consistency: number, error: Error): Decision {
    if (!definitelyNotApplied(error)) this.mayHaveApplied = true;
    return info.nbRetry < 2 ? this.nextNode() : this.rethrowResult();
  }
}

/**
 * The retry policy of a transaction, which counts among `writes`. An attempt that failed goes on at the next node, and
 * ends where there is none; the driver then waits for the attempts that are still under way. It must not go on at the
 * same node: two coordinators of one transaction compete, and the one that lost, which Cassandra reports as a write
 * timeout at once, would only make the other one lose. Nor may it end the statement, as the other one is about to win.
 */
export class TransactionRetry extends InstrumentedRetry {
  readonly #writes: WriteAttempts;

  constructor(writes: WriteAttempts, telemetry: Telemetry) {
    super(telemetry);
    this.#writes = writes;
  }

  override onWriteTimeout(): Decision {
    this.#writes.mayHaveApplied = true;
    return this.nextNode();
  }

  override onUnavailable(): Decision {
    return this.nextNode();
  }

  override onRequestError(_info: policies.retry.OperationInfo, _consistency: number, error: Error): Decision {
    if (!definitelyNotApplied(error)) this.#writes.mayHaveApplied = true;
    return this.nextNode();
  }
}

/** Sends an idempotent statement to further nodes where the first is slow; transactions later, and a share of them. */
export class HedgePolicy implements policies.speculativeExecution.SpeculativeExecutionPolicy {
  #allowed = HEDGED_IN_A_ROW;

  init(): void {
    // Needs nothing of the client.
  }

  shutdown(): void {
    // Keeps nothing open.
  }

  getOptions(): Map<string, object> {
    return new Map();
  }

  newPlan(_keyspace: string, query: string | object[]): { nextExecution: () => number } {
    const isTransaction = typeof query === 'string' && /\bIF\b/.test(query);
    if (isTransaction) this.#allowed = Math.min(this.#allowed + HEDGED_SHARE, HEDGED_IN_A_ROW);
    let further = -1;
    // Called as each attempt starts: in how many milliseconds the next one starts.
    const nextExecution = (): number => {
      further += 1;
      if (isTransaction && further > 0) this.#allowed -= 1;
      if (further >= FURTHER_NODES) return -1;
      if (!isTransaction) return SPECULATIVE_DELAY_MS;
      return this.#allowed < 1 ? -1 : (TRANSACTION_DELAYS_MS[further] ?? -1);
    };
    return { nextExecution };
  }
}
