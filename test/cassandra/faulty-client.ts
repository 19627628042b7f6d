import { setTimeout as pause } from 'node:timers/promises';
import type { types } from 'cassandra-driver';
import { Client, errors } from 'cassandra-driver';
import { clientOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';

/** What becomes of a write between the driver and the cluster. */
export type Fate =
  | 'answered'
  /** It never took place, and nobody says so. */
  | 'lost'
  /** It took place, and its answer was lost. */
  | 'unanswered'
  /** It takes place late, behind others that were sent after it. */
  | 'delayed'
  /** It takes place, is answered, and takes place once more later. */
  | 'repeated';

/**
 * A client of a real cluster whose network does to writes what `fates` says, one after another. Reads pass as they
 * are. Lightweight transactions suffer like any other write, since the driver sends them to a second node as well.
 */
export class FaultyClient extends Client {
  readonly #fates: Iterator<Fate>;
  /** Writes that are still to take place. */
  readonly #late = new Set<Promise<unknown>>();
  suffered = 0;

  constructor(options: CassandraOptions, fates: Iterator<Fate>) {
    super(clientOptions(options));
    this.#fates = fates;
  }

  override execute(query: string, ...rest: unknown[]): Promise<types.ResultSet> {
    const send = (): Promise<types.ResultSet> => super.execute(query, ...(rest as []));
    if (/^\s*SELECT/.test(query)) return send();
    return this.#suffer(send);
  }

  override batch(...args: unknown[]): Promise<types.ResultSet> {
    return this.#suffer(() => super.batch(...(args as Parameters<Client['batch']>)) as never);
  }

  override async shutdown(): Promise<void> {
    while (this.#late.size > 0) await Promise.all(this.#late);
    await super.shutdown();
  }

  async #suffer(send: () => Promise<types.ResultSet>): Promise<types.ResultSet> {
    const fate: Fate = this.#fates.next().value ?? 'answered';
    if (fate !== 'answered') this.suffered += 1;
    switch (fate) {
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
        // Whether a repeat succeeds is of no consequence.
        const again = pause(10).then(send).then(noMatter, noMatter);
        this.#late.add(again);
        void again.then(() => this.#late.delete(again));
        return answer;
      }
    }
  }
}

function noMatter(): void {
  // Nothing waits for it.
}
