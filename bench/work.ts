import { Client, type QueryOptions, type types } from 'cassandra-driver';
import { clientOptions, type CassandraOptions } from '../src/adapters/cassandra/connect.ts';

/** What an operation asked of the database. */
export interface Work {
  /** Statements, counting each of a batch. */
  readonly statements: number;
  /** Requests to the database, counting a batch as one. */
  readonly requests: number;
  /** How many of the requests had to wait for one another: the length of the longest chain. */
  readonly roundTrips: number;
}

/** What the database read for an operation, as its own traces tell. */
export interface Reading {
  readonly rows: number;
  readonly tombstones: number;
}

/** A client that sees what goes through it. One operation is to run at a time. */
export class ObservedClient extends Client {
  #work = { statements: 0, requests: 0, roundTrips: 0 };
  /** The traces of requests; null while none are wanted. */
  #traces: types.Uuid[] | null = null;

  constructor(options: CassandraOptions) {
    super(clientOptions(options));
  }

  /** The work of `operation`. */
  async workOf(operation: () => Promise<unknown>): Promise<Work> {
    const work = (this.#work = { statements: 0, requests: 0, roundTrips: 0 });
    await operation();
    return { ...work };
  }

  /** What the database reads for `operation`. */
  async readingOf(operation: () => Promise<unknown>): Promise<Reading> {
    const traces = (this.#traces = [] as types.Uuid[]);
    try {
      await operation();
    } finally {
      this.#traces = null;
    }
    let rows = 0;
    let tombstones = 0;
    for (const id of traces) {
      const { events } = await this.metadata.getTrace(id);
      for (const { activity } of events as { activity: string }[]) {
        const read = /^Read (\d+) live rows? and (\d+) tombstone/.exec(activity);
        rows += Number(read?.[1] ?? 0);
        tombstones += Number(read?.[2] ?? 0);
      }
    }
    return { rows, tombstones };
  }

  override execute(query: string, ...[params, options]: unknown[]): Promise<types.ResultSet> {
    return this.#pass(1, () => super.execute(query, params as unknown[], this.#traced(options)));
  }

  override batch(queries: Parameters<Client['batch']>[0], ...[options]: unknown[]): Promise<types.ResultSet> {
    return this.#pass(queries.length, () => super.batch(queries, this.#traced(options)));
  }

  #traced(options: unknown): QueryOptions {
    return { ...(options as QueryOptions), traceQuery: this.#traces !== null };
  }

  async #pass(statements: number, send: () => Promise<types.ResultSet>): Promise<types.ResultSet> {
    const [work, traces] = [this.#work, this.#traces];
    work.statements += statements;
    work.requests += 1;
    const place = work.roundTrips + 1;
    const result = await send();
    work.roundTrips = Math.max(work.roundTrips, place);
    // The driver's types don't know of it.
    const { traceId } = result.info as { traceId?: types.Uuid | null };
    if (traceId) traces?.push(traceId);
    return result;
  }
}
