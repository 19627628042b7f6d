import { Client, types } from 'cassandra-driver';
import { clientOptions, type CassandraOptions } from '../src/adapters/cassandra/connect.ts';
import { nameOf } from '../src/adapters/cassandra/session.ts';
import { openCassandraStorage } from '../src/adapters/cassandra/storage.ts';
import { makeClock } from '../src/adapters/system/clock.ts';
import { makeMessageIds } from '../src/adapters/system/message-ids.ts';
import { openApp } from '../test/http/open-app.ts';
import type { LoadRequest } from './load.ts';

/** The database work of one request. */
export interface Work {
  /** The names of the statements by request to the database, sorted; a batch is one request. */
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

/** A client that records its requests. Only one operation may run at a time. */
export class RecordingClient extends Client {
  #work = noWork();
  readonly #inFlight = new Set<Promise<unknown>>();

  constructor(options: CassandraOptions) {
    super(clientOptions(options));
  }

  /** The work of `operation`, with the requests that it does not wait for. */
  async workOf(operation: () => Promise<unknown>): Promise<Work> {
    const work = (this.#work = noWork());
    await operation();
    const { steps } = work;
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight);
    return { requests: work.requests.sort(), steps, rows: work.rows, bytes: work.bytes };
  }

  override execute(query: string, ...[params, options]: unknown[]): Promise<types.ResultSet> {
    const values = params as unknown[];
    return this.#record(nameOf(query), [{ query, params: values }], () =>
      super.execute(query, values, options as object),
    );
  }

  override batch(queries: Parameters<Client['batch']>[0], ...[options]: unknown[]): Promise<types.ResultSet> {
    const statements = queries as unknown as Statements;
    const name = statements.map(({ query }) => nameOf(query)).join(' + ');
    return this.#record(name, statements, () => super.batch(queries, options as object));
  }

  async #record(
    name: string,
    statements: Statements,
    send: () => Promise<types.ResultSet>,
  ): Promise<types.ResultSet> {
    const work = this.#work;
    work.requests.push(name);
    work.bytes += bytesWritten(statements);
    const step = work.steps + 1;
    const sent = send();
    this.#inFlight.add(sent);
    const result = await sent.finally(() => this.#inFlight.delete(sent));
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
