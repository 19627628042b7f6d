import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { types } from 'cassandra-driver';
import { Client, errors } from 'cassandra-driver';
import { clientOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { mutationsOf, type BatchStatement } from './mutations.ts';

/** The outcome of a write between the driver and the cluster. */
export type WriteOutcome =
  | 'answered'
  /** Not applied, without a response. */
  | 'lost'
  /** Applied, with a lost response. */
  | 'unanswered'
  /** Applied late, after later writes. */
  | 'delayed'
  /** Applied and acknowledged, and applied again later. */
  | 'repeated';

/**
 * A client of a real cluster that applies `outcomes` to writes in sequence, and with `splitsBatches` to each mutation of a
 * batch. Reads are unchanged. Lightweight transactions are treated like other writes, because the driver also sends them to a
 * second node.
 */
export class FaultyClient extends Client {
  readonly #outcomes: Iterator<WriteOutcome>;
  readonly #splitsBatches: boolean;
  /** Writes that are not applied yet. */
  readonly #late = new Set<Promise<unknown>>();
  faultCount = 0;

  constructor(options: CassandraOptions, outcomes: Iterator<WriteOutcome>, { splitsBatches = true } = {}) {
    super(clientOptions(options));
    this.#outcomes = outcomes;
    this.#splitsBatches = splitsBatches;
  }

  override execute(query: string, ...rest: unknown[]): Promise<types.ResultSet> {
    const send = (): Promise<types.ResultSet> => super.execute(query, ...(rest as []));
    if (/^\s*SELECT/.test(query)) return send();
    return this.#suffer(send);
  }

  override async batch(...[statements, ...rest]: unknown[]): Promise<types.ResultSet> {
    if (!this.#splitsBatches) return this.#suffer(() => super.batch(statements as never, ...(rest as [])));
    const mutations = mutationsOf(statements as BatchStatement[]).map((mutation) =>
      this.#suffer(() => super.batch(mutation, ...(rest as []))),
    );
    await Promise.allSettled(mutations);
    return (await Promise.all(mutations))[0] ?? assert.fail();
  }

  override async shutdown(): Promise<void> {
    while (this.#late.size > 0) await Promise.all(this.#late);
    await super.shutdown();
  }

  async #suffer(send: () => Promise<types.ResultSet>): Promise<types.ResultSet> {
    const outcome: WriteOutcome = this.#outcomes.next().value ?? 'answered';
    if (outcome !== 'answered') this.faultCount += 1;
    switch (outcome) {
      case 'answered':
        return send();
      case 'lost':
        throw new errors.OperationTimedOutError('lost on the way there', 'somewhere');
      case 'unanswered':
        await send();
        throw new errors.OperationTimedOutError('lost on the way back', 'somewhere');
      case 'delayed':
        await pause(5);
        return send();
      case 'repeated': {
        const answer = await send();
        // The result of a repeat does not matter.
        const again = pause(10).then(send).then(ignore, ignore);
        this.#late.add(again);
        void again.then(() => this.#late.delete(again));
        return answer;
      }
    }
  }
}

function ignore(): void {
  // Nothing waits for it.
}
