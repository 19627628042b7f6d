import { AsyncLocalStorage } from 'node:async_hooks';
import { Client, types, type QueryOptions } from 'cassandra-driver';
import { clientOptions, type CassandraOptions } from '../src/adapters/cassandra/connect.ts';
import { openCassandraStorage } from '../src/adapters/cassandra/storage.ts';
import { makeClock } from '../src/adapters/system/clock.ts';
import { makeMessageIds } from '../src/adapters/system/message-ids.ts';
import { openApp } from '../test/http/open-app.ts';
import type { LoadRequest } from './load.ts';

/** The database work of one request. */
export interface Work {
  /** The requests to the database, sorted: the text of their statements, and the options that change what they cost. */
  readonly requests: readonly string[];
  /** The number of sequential requests until the response: the length of the longest chain. */
  readonly steps: number;
  /** The rows that queries returned. */
  readonly rows: number;
  /** The bytes of the values that were written, for one replica: without what Cassandra stores with rows. */
  readonly bytes: number;
}

function noWork() {
  return { requests: [] as string[], steps: 0, rows: 0, bytes: 0 };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The bytes of a value as Cassandra stores it. */
function bytesOf(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'string') return UUID.test(value) ? 16 : Buffer.byteLength(value);
  if (typeof value === 'boolean') return 1;
  if (value instanceof types.Uuid) return 16;
  if (Buffer.isBuffer(value)) return value.length;
  if (value instanceof types.Tuple) return bytesOf(value.values());
  if (Array.isArray(value)) return value.reduce((sum: number, one) => sum + bytesOf(one), 0);
  return 8;
}

type Statements = readonly { readonly query: string; readonly params: unknown[] }[];

function bytesWritten(statements: Statements): number {
  const written = statements.filter(({ query }) => !/^\s*SELECT/.test(query));
  return bytesOf(written.map(({ params }) => params));
}

/** Options of a request that change what it costs. */
const COMPARED = ['prepare', 'consistency', 'serialConsistency', 'isIdempotent', 'logged', 'fetchSize'];

function textOf(statements: Statements, options: QueryOptions): string {
  const text = statements.map(({ query }) => query.replace(/\s+/g, ' ').trim()).join('; ');
  return `${text} ${JSON.stringify(options, COMPARED)}`;
}

interface Recording {
  readonly work: ReturnType<typeof noWork>;
  readonly inFlight: Set<Promise<unknown>>;
}

/**
 * A client that records the requests of operations. What else the service sends meanwhile, such as checks of the clock,
 * is not recorded.
 */
export class RecordingClient extends Client {
  readonly #recordings = new AsyncLocalStorage<Recording>();

  constructor(options: CassandraOptions) {
    super(clientOptions(options));
  }

  /** The work of `operation`, with the requests that it does not wait for. */
  workOf(operation: () => Promise<unknown>): Promise<Work> {
    const work = noWork();
    const inFlight = new Set<Promise<unknown>>();
    return this.#recordings.run({ work, inFlight }, async () => {
      await operation();
      const { steps } = work;
      while (inFlight.size > 0) await Promise.allSettled(inFlight);
      return { requests: work.requests.sort(), steps, rows: work.rows, bytes: work.bytes };
    });
  }

  override execute(query: string, ...[params, options]: unknown[]): Promise<types.ResultSet> {
    const values = params as unknown[];
    return this.#record([{ query, params: values }], options as QueryOptions, () =>
      super.execute(query, values, options as object),
    );
  }

  override batch(queries: Parameters<Client['batch']>[0], ...[options]: unknown[]): Promise<types.ResultSet> {
    const statements = queries as unknown as Statements;
    return this.#record(statements, options as QueryOptions, () => super.batch(queries, options as object));
  }

  async #record(
    statements: Statements,
    options: QueryOptions,
    send: () => Promise<types.ResultSet>,
  ): Promise<types.ResultSet> {
    const recording = this.#recordings.getStore();
    if (recording === undefined) return send();
    const { work, inFlight } = recording;
    work.requests.push(textOf(statements, options));
    work.bytes += bytesWritten(statements);
    const step = work.steps + 1;
    const sent = send();
    inFlight.add(sent);
    const result = await sent.finally(() => inFlight.delete(sent));
    work.steps = Math.max(work.steps, step);
    // Missing in the driver's types: writes have no rows.
    work.rows += (result.rows as unknown[] | undefined)?.length ?? 0;
    return result;
  }
}

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The service in this process on a shared client, with its own caches, like one of several processes. */
export async function serviceOn(client: Client, options: CassandraOptions) {
  const clock = makeClock();
  const messageIds = makeMessageIds({ clock });
  const storage = openCassandraStorage({ options, clock, messageIds, log: SILENT, client });
  await storage.started;
  const app = openApp({
    storage,
    clock,
    messageIds,
    log: SILENT,
    requestTimeoutMs: options.requestTimeoutMs,
  });
  /** Sends one request; throws if it fails. */
  return async ({ method, path: onlyPath, nextPath, body, keyed }: LoadRequest): Promise<unknown> => {
    const path = nextPath?.() ?? onlyPath;
    const response = await app.request(path, {
      method,
      ...(body && {
        headers: {
          'Content-Type': 'application/json',
          ...(keyed && { 'Idempotency-Key': crypto.randomUUID() }),
        },
        body: JSON.stringify(body),
      }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  };
}
