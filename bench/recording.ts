import { Client, type types } from 'cassandra-driver';
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
}

function noWork() {
  return { requests: [] as string[], steps: 0, rows: 0 };
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
    return { requests: work.requests.sort(), steps, rows: work.rows };
  }

  override execute(query: string, ...[params, options]: unknown[]): Promise<types.ResultSet> {
    return this.#record(nameOf(query), () => super.execute(query, params as unknown[], options as object));
  }

  override batch(queries: Parameters<Client['batch']>[0], ...[options]: unknown[]): Promise<types.ResultSet> {
    const names = (queries as { query: string }[]).map(({ query }) => nameOf(query));
    return this.#record(names.join(' + '), () => super.batch(queries, options as object));
  }

  async #record(name: string, send: () => Promise<types.ResultSet>): Promise<types.ResultSet> {
    const work = this.#work;
    work.requests.push(name);
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
  return async ({ method, path, body, keyed }: LoadRequest): Promise<unknown> => {
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
    return response.json();
  };
}
