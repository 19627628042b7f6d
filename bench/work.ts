import { Client, type QueryOptions, type types } from 'cassandra-driver';
import { clientOptions, type CassandraOptions } from '../src/adapters/cassandra/connect.ts';

/** The database work of an operation. */
export interface Work {
  /** Statements, with each statement of a batch counted. */
  readonly statements: number;
  /** Requests to the database; a batch counts as one. */
  readonly requests: number;
  /** The number of sequential requests: the length of the longest chain. */
  readonly roundTrips: number;
}

/** Rows and tombstones read for an operation, from Cassandra's query traces. */
export interface Reading {
  readonly rows: number;
  readonly tombstones: number;
}

/** A client that records its requests. Only one operation may run at a time. */
export class ObservedClient extends Client {
  #work = { statements: 0, requests: 0, roundTrips: 0 };
  /** The trace ids of requests; null while tracing is off. */
  #traces: types.Uuid[] | null = null;

  constructor(options: CassandraOptions) {
    super(clientOptions(options));
  }

  /** Measures the work of `operation`. */
  async workOf(operation: () => Promise<unknown>): Promise<Work> {
    const work = (this.#work = { statements: 0, requests: 0, roundTrips: 0 });
    await operation();
    return { ...work };
  }

  /** Measures the rows that the database reads for `operation`. */
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
    // Missing in the driver's types.
    const { traceId } = result.info as { traceId?: types.Uuid | null };
    if (traceId) traces?.push(traceId);
    return result;
  }
}
