import { policies } from 'cassandra-driver';
import type { Telemetry } from '../../application/ports/telemetry.ts';
import { definitelyNotApplied } from './failures.ts';

/** The delay after which the same idempotent statement is also sent to another node. */
export const SPECULATIVE_DELAY_MS = 200;

/** The delays before a second and a third node get a transaction, which takes several rounds between nodes. */
const TRANSACTION_DELAYS_MS = [300, 600] as const;

/** The maximum number of further nodes that get a statement because the first ones are slow. */
const MAX_FURTHER_NODES = 2;

/**
 * The budget for sending transactions to a further node: half the number of transactions, with bursts of 50. This is
 * enough while one of three nodes hangs, and too little to double the load of a cluster that is slow as a whole.
 * Transactions in flight when the budget is spent may still be sent once more; the budget then becomes negative, and
 * later transactions refill it first.
 */
const HEDGED_SHARE = 0.5;
const HEDGED_BURST = 50;

const { RetryPolicy } = policies.retry;
type Decision = ReturnType<policies.retry.RetryPolicy['rethrowResult']>;

/** Counts each retry in the telemetry. */
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

/** Reads change nothing, so any failed read may be retried: at once on the same node, or on the next one. */
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
 * The writes of one request, and whether any attempt of any of them may have reached a replica: a failure is
 * `unavailable` only if none may have. This is the driver's retry policy for these writes, so it sees each attempt.
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
 * The retry policy of a transaction, which is one of `writes`. A failed attempt is retried on the next node, and ends if
 * there is none; the driver then waits for the attempts that are still in flight. It must not retry on the same node: two
 * coordinators of one transaction compete; Cassandra reports a write timeout at once to the one that loses, and a retry
 * there would make the other one lose. It must not end the statement either, since the other one is about to win.
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

/**
 * Sends an idempotent statement to further nodes if the first is slow; transactions after a longer delay, and only within
 * a budget.
 */
export class HedgePolicy implements policies.speculativeExecution.SpeculativeExecutionPolicy {
  #budget = HEDGED_BURST;

  init(): void {
    // Nothing to do.
  }

  shutdown(): void {
    // Nothing to close.
  }

  getOptions(): Map<string, object> {
    return new Map();
  }

  newPlan(_keyspace: string, query: string | object[]): { nextExecution: () => number } {
    const isTransaction = typeof query === 'string' && /\bIF\b/.test(query);
    if (isTransaction) this.#budget = Math.min(this.#budget + HEDGED_SHARE, HEDGED_BURST);
    let further = -1;
    // Called when each attempt starts; returns the milliseconds until the next one starts, or -1 for none.
    const nextExecution = (): number => {
      further += 1;
      if (isTransaction && further > 0) this.#budget -= 1;
      if (further >= MAX_FURTHER_NODES) return -1;
      if (!isTransaction) return SPECULATIVE_DELAY_MS;
      return this.#budget < 1 ? -1 : (TRANSACTION_DELAYS_MS[further] ?? -1);
    };
    return { nextExecution };
  }
}
