import { errors, types, type Client, type Host, type QueryOptions } from 'cassandra-driver';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { NOOP_TELEMETRY, type Telemetry } from '../../application/ports/telemetry.ts';
import { readFailure, writeFailure } from './failures.ts';
import { ReadRetry, SPECULATIVE_DELAY_MS, TransactionRetry, WriteAttempts } from './retry-policies.ts';

/** A row of the driver: values by column name. */
export type Row = types.Row;

/** One statement with its values, in order. `undefined` leaves a cell unchanged; `null` is never used. */
export interface Statement {
  readonly query: string;
  readonly params: readonly unknown[];
}

/** The writes of one request. Each rejects with a `StorageFailure` whose kind covers all writes of the request so far. */
export interface Writes {
  /** A read between writes: the kind of its failure covers the writes before it. */
  read(query: string, params: readonly unknown[]): Promise<Row[]>;
  /** One idempotent write. */
  run(query: string, params: readonly unknown[]): Promise<void>;
  /** Idempotent writes to one partition key: one mutation, atomic on each replica. */
  batch(statements: readonly Statement[]): Promise<void>;
  /**
   * Idempotent writes, up to `PARTS_PER_REQUEST` parts in a request. Each part is a batch to one partition key; parts with
   * the same key in one request are one mutation. If it rejects with `outcome_unknown`, any of the parts may be applied.
   */
  batches(parts: readonly (readonly Statement[])[]): Promise<void>;
  /**
   * Waits until all of `parallel` have settled; then rejects if any rejected, with one failure for all of them: it is
   * `outcome_unknown` if any may have been applied.
   */
  all(parallel: readonly Promise<void>[]): Promise<void>;
  /**
   * A lightweight transaction, retried until its outcome is known or its time limit is reached. Resolves with the row of
   * its result. It may be sent more than once, so the caller must recognise an earlier success in the row.
   */
  compareAndSet(query: string, params: readonly unknown[]): Promise<Row>;
}

/**
 * The number of mutations in a request of `Writes.batches`. A request of several mutations costs the service and the
 * coordinator less than one request for each. Cassandra warns above ten partitions or 5 KiB; four rows with previews are
 * below, in any script.
 */
const PARTS_PER_REQUEST = 4;

/** A page of a long result. */
export interface RowPage {
  readonly rows: Row[];
  /** The driver's page state; null at the end. It never leaves the process. */
  readonly next: string | null;
}

/** Prepared statements of one client, at the configured consistencies, with failures translated to `StorageFailure`. */
export interface Session {
  read(query: string, params: readonly unknown[]): Promise<Row[]>;
  /** About `size` rows of a long result: from its start if `from` is null, otherwise from `next` of the page before. */
  readPage(query: string, params: readonly unknown[], size: number, from: string | null): Promise<RowPage>;
  writes(): Writes;
}

export interface SessionOptions {
  readonly consistency: { readonly read: number; readonly write: number; readonly serial: number };
  readonly localDatacenter: string;
  /**
   * The timeout of a read on one coordinator, in milliseconds. Nearly the request timeout: speculative executions start
   * long before it, and a late response of any coordinator is better than none. When a replica dies, Cassandra waits for
   * it before it reads from another one: 2.5 s if it has not yet measured the read latency of the table.
   */
  readonly readTimeoutMs: number;
  /** How long a lightweight transaction is retried. */
  readonly transactionTimeoutMs: number;
}

/** A session over `client`; while `isOpen` returns false, every statement is `unavailable` without an attempt. */
export function makeSession(
  client: Client,
  isOpen: () => boolean,
  options: SessionOptions,
  telemetry: Telemetry = NOOP_TELEMETRY,
): Session {
  const { consistency, localDatacenter, readTimeoutMs, transactionTimeoutMs } = options;
  const read: QueryOptions = {
    prepare: true,
    consistency: consistency.read,
    isIdempotent: true,
    readTimeout: readTimeoutMs,
    retry: new ReadRetry(telemetry),
  };

  const requireOpen = (): void => {
    if (!isOpen()) throw new StorageFailure('unavailable', { cause: new Error('not connected') });
  };

  /** Sends a statement and reports its outcome to the telemetry; `failureOf` translates errors of the driver. */
  const instrumented = (
    name: string,
    send: () => Promise<types.ResultSet>,
    failureOf: (error: unknown) => unknown,
  ): Promise<types.ResultSet> => {
    const end = telemetry.statementSent(name);
    return send().then(
      (result) => {
        end('ok', result.info.speculativeExecutions);
        return result;
      },
      (error: unknown) => {
        const failure = failureOf(error);
        end(failure instanceof StorageFailure ? failure.kind : 'failed', 0);
        throw failure;
      },
    );
  };

  /** A node of this datacenter other than the coordinator that sent `error`. */
  const otherCoordinator = (error: errors.ResponseError): Host | undefined => {
    // The driver sets this property, but its types omit it.
    const { coordinator } = error as { coordinator?: string };
    return client.hosts
      .values()
      .find((host) => host.datacenter === localDatacenter && host.isUp() && host.address !== coordinator);
  };

  /**
   * Reads, and after a failure of a replica reads again on another coordinator: that one may ask other replicas, without
   * the cause of the failure, such as a corrupt SSTable. The driver does not retry such failures.
   */
  const readWith = (
    query: string,
    params: readonly unknown[],
    queryOptions: QueryOptions,
  ): Promise<types.ResultSet> => {
    const send = (host?: Host) =>
      client.execute(
        query,
        params as unknown[],
        host === undefined ? queryOptions : { ...queryOptions, host },
      );
    const sendWithRetry = () =>
      send().catch((error: unknown) => {
        const next = isReadFailure(error) ? otherCoordinator(error) : undefined;
        if (next === undefined) throw error;
        telemetry.attemptRepeated();
        return send(next);
      });
    return instrumented(nameOf(query), sendWithRetry, readFailure);
  };

  return {
    async read(query, params) {
      requireOpen();
      return (await readWith(query, params, read)).rows;
    },

    async readPage(query, params, size, from) {
      requireOpen();
      const options = { ...read, fetchSize: size, ...(from !== null && { pageState: from }) };
      // `pageState` is absent on the last page; the driver's types omit that.
      const result: { rows: Row[]; pageState?: string } = await readWith(query, params, options);
      return { rows: result.rows, next: result.pageState ?? null };
    },

    writes() {
      const attempts = new WriteAttempts(telemetry);
      const write: QueryOptions = {
        prepare: true,
        consistency: consistency.write,
        isIdempotent: true,
        logged: false,
        retry: attempts,
      };

      const attempt = async (name: string, send: () => Promise<types.ResultSet>): Promise<void> => {
        requireOpenFor(attempts);
        const startedAt = performance.now();
        await instrumented(name, send, (error) => {
          // After that time the same write may be in flight to a second node, which this error does not cover.
          const isOnlyAttempt = performance.now() - startedAt < SPECULATIVE_DELAY_MS;
          return writeFailure(error, attempts.mayHaveApplied || !isOnlyAttempt);
        });
        attempts.mayHaveApplied = true;
      };

      const requireOpenFor = ({ mayHaveApplied }: WriteAttempts): void => {
        if (!mayHaveApplied) requireOpen();
      };

      const batch = (statements: readonly Statement[]): Promise<void> =>
        attempt(nameOfBatch(statements), () =>
          client.batch(statements as { query: string; params: unknown[] }[], write),
        );

      const batches = async (parts: readonly (readonly Statement[])[]): Promise<void> => {
        requireOpenFor(attempts);
        // A coordinator that refuses one of the mutations may have begun with others.
        if (parts.length > 1) attempts.mayHaveApplied = true;
        const requests: Promise<void>[] = [];
        for (let first = 0; first < parts.length; first += PARTS_PER_REQUEST) {
          requests.push(batch(parts.slice(first, first + PARTS_PER_REQUEST).flat()));
        }
        await all(requests);
      };

      const all = async (parallel: readonly Promise<void>[]): Promise<void> => {
        const failures = (await Promise.allSettled(parallel)).flatMap((result) =>
          result.status === 'rejected' ? [result.reason as unknown] : [],
        );
        const bug = failures.find((failure) => !(failure instanceof StorageFailure));
        if (bug !== undefined) throw bug as Error;
        const unknown = (failures as StorageFailure[]).find(({ kind }) => kind === 'outcome_unknown');
        const failure = unknown ?? (failures[0] as StorageFailure | undefined);
        if (failure === undefined) return;
        // One write was certainly not applied, but another one may have been.
        if (attempts.mayHaveApplied && failure.kind === 'unavailable') {
          throw new StorageFailure('outcome_unknown', { cause: failure.cause });
        }
        throw failure;
      };

      return {
        async read(query, params) {
          try {
            return (await readWith(query, params, read)).rows;
          } catch (failure) {
            if (!(failure instanceof StorageFailure) || !attempts.mayHaveApplied) throw failure;
            throw new StorageFailure('outcome_unknown', { cause: failure.cause });
          }
        },

        run: (query, params) =>
          attempt(nameOf(query), () => client.execute(query, params as unknown[], write)),

        batch,
        batches,
        all,

        async compareAndSet(query, params) {
          requireOpenFor(attempts);
          const until = performance.now() + transactionTimeoutMs;
          const options = {
            ...write,
            serialConsistency: consistency.serial,
            retry: new TransactionRetry(attempts, telemetry),
          };
          const send = () => client.execute(query, params as unknown[], options);
          for (;;) {
            try {
              const result = await instrumented(nameOf(query), send, (error) =>
                writeFailure(error, attempts.mayHaveApplied),
              );
              attempts.mayHaveApplied = true;
              return result.first();
            } catch (failure) {
              if (!(failure instanceof StorageFailure)) throw failure;
              if (failure.kind === 'outcome_unknown') attempts.mayHaveApplied = true;
              if (performance.now() >= until) throw failure;
              telemetry.attemptRepeated();
              // A random wait, so that two competing transactions do not collide again.
              await pause(20 + Math.random() * 80);
            }
          }
        },
      };
    },
  };
}

/** Cassandra's error code for a read in which a replica failed. */
const READ_FAILURE: number = types.responseErrorCodes.readFailure;

function isReadFailure(error: unknown): error is errors.ResponseError {
  return error instanceof errors.ResponseError && error.code === READ_FAILURE;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const NAMES = new Map<string, string>();

/** The name of `query` in telemetry: its verb and its table, `SELECT users` (OpenTelemetry's `db.query.summary`). */
export function nameOf(query: string): string {
  const known = NAMES.get(query);
  if (known !== undefined) return known;
  const [, select, from, put, into] =
    /^\s*(?:(SELECT)\b[^]*?\bFROM\s+(\w+)|(INSERT|UPDATE)(?:\s+INTO)?\s+(\w+))/.exec(query) ?? [];
  const name = `${select ?? put ?? 'OTHER'} ${from ?? into ?? ''}`.trimEnd();
  NAMES.set(query, name);
  return name;
}

/** The name of a batch, by the table of its first statement. */
function nameOfBatch([first]: readonly Statement[]): string {
  return `BATCH ${nameOf(first?.query ?? '').replace(/^\w+ /, '')}`;
}
