import { errors, types, type Client, type Host, type QueryOptions } from 'cassandra-driver';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { NOOP_TELEMETRY, type Telemetry } from '../../application/ports/telemetry.ts';
import { readFailure, writeFailure } from './failures.ts';
import { ReadRetry, SPECULATIVE_DELAY_MS, TransactionRetry, WriteAttempts } from './retry-policies.ts';

/** A row as the driver gives it: values by column name. */
export type Row = types.Row;

/** One statement with its values, in order. `undefined` leaves a cell alone; there is never a `null`. */
export interface Statement {
  readonly query: string;
  readonly params: readonly unknown[];
}

/** The writes of one request. Each rejects with a `StorageFailure` that speaks for all of them so far. */
export interface Writes {
  /** A read on the way: its failure speaks for the writes before it. */
  read(query: string, params: readonly unknown[]): Promise<Row[]>;
  /** One idempotent write. */
  run(query: string, params: readonly unknown[]): Promise<void>;
  /** Idempotent writes to one partition key: one mutation, all or nothing on each replica. */
  batch(statements: readonly Statement[]): Promise<void>;
  /**
   * Waits until all of `parallel` have settled; then rejects if any did, with one failure for all of them: it is
   * `outcome_unknown` where any may have been applied.
   */
  all(parallel: readonly Promise<void>[]): Promise<void>;
  /**
   * A lightweight transaction, repeated until its outcome is known or time is up: the row of its answer. It may be sent
   * more than once, so the statement has to recognise its own earlier success in what it finds.
   */
  compareAndSet(query: string, params: readonly unknown[]): Promise<Row>;
}

/** A part of a long answer. */
export interface RowPage {
  readonly rows: Row[];
  /** Where the answer goes on; null at its end. The driver's own: it never leaves the process. */
  readonly next: string | null;
}

/** Statements of one client, prepared, at the configured consistencies, with failures in the ports' words. */
export interface Session {
  read(query: string, params: readonly unknown[]): Promise<Row[]>;
  /** About `size` rows of a long answer: from its beginning, or from where the page before says it goes on. */
  readPage(query: string, params: readonly unknown[], size: number, from: string | null): Promise<RowPage>;
  writes(): Writes;
}

export interface SessionOptions {
  readonly consistency: { readonly read: number; readonly write: number; readonly serial: number };
  readonly localDatacenter: string;
  /** How long a lightweight transaction is repeated. */
  readonly transactionTimeoutMs: number;
}

/** A session over `client`; until `isOpen` says so, everything is `unavailable` without being tried. */
export function makeSession(
  client: Client,
  isOpen: () => boolean,
  options: SessionOptions,
  telemetry: Telemetry = NOOP_TELEMETRY,
): Session {
  const { consistency, localDatacenter, transactionTimeoutMs } = options;
  const read: QueryOptions = {
    prepare: true,
    consistency: consistency.read,
    isIdempotent: true,
    retry: new ReadRetry(telemetry),
  };

  const requireOpen = (): void => {
    if (!isOpen()) throw new StorageFailure('unavailable', { cause: new Error('not connected') });
  };

  /** Sends a statement and tells the telemetry how it ended; `failureOf` translates errors of the driver. */
  const instrumented = (
    name: string,
    send: () => Promise<types.ResultSet>,
    failureOf: (error: unknown) => unknown,
  ): Promise<types.ResultSet> => {
    const end = telemetry.statementSent(name);
    return send().then(
      (answer) => {
        end('ok', answer.info.speculativeExecutions);
        return answer;
      },
      (error: unknown) => {
        const failure = failureOf(error);
        end(failure instanceof StorageFailure ? failure.kind : 'failed', 0);
        throw failure;
      },
    );
  };

  /** Another node of this datacenter than the one that answered with `error`. */
  const otherThan = (error: errors.ResponseError): Host | undefined => {
    // The driver notes it there, which its types don't say.
    const { coordinator } = error as { coordinator?: string };
    return client.hosts
      .values()
      .find((host) => host.datacenter === localDatacenter && host.isUp() && host.address !== coordinator);
  };

  /**
   * Reads, on another coordinator too where a replica failed: that one may ask other replicas, of which none has what
   * makes this one fail, such as a corrupt SSTable. The driver does not retry such failures.
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
    const sendTwice = () =>
      send().catch((error: unknown) => {
        const next = isReadFailure(error) ? otherThan(error) : undefined;
        if (next === undefined) throw error;
        telemetry.attemptRepeated();
        return send(next);
      });
    return instrumented(nameOf(query), sendTwice, readFailure);
  };

  return {
    async read(query, params) {
      requireOpen();
      return (await readWith(query, params, read)).rows;
    },

    async readPage(query, params, size, from) {
      requireOpen();
      const options = { ...read, fetchSize: size, ...(from !== null && { pageState: from }) };
      // Absent on the last page, which the driver's types don't say.
      const answer: { rows: Row[]; pageState?: string } = await readWith(query, params, options);
      return { rows: answer.rows, next: answer.pageState ?? null };
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
        const begun = performance.now();
        await instrumented(name, send, (error) => {
          // By then the same write may be on its way to a second node, of which this error says nothing.
          const alone = performance.now() - begun < SPECULATIVE_DELAY_MS;
          return writeFailure(error, attempts.mayHaveApplied || !alone);
        });
        attempts.mayHaveApplied = true;
      };

      const requireOpenFor = ({ mayHaveApplied }: WriteAttempts): void => {
        if (!mayHaveApplied) requireOpen();
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

        batch: (statements) =>
          attempt(nameOfBatch(statements), () =>
            client.batch(statements as { query: string; params: unknown[] }[], write),
          ),

        async all(parallel) {
          const failures = (await Promise.allSettled(parallel)).flatMap((result) =>
            result.status === 'rejected' ? [result.reason as unknown] : [],
          );
          const bug = failures.find((failure) => !(failure instanceof StorageFailure));
          if (bug !== undefined) throw bug as Error;
          const unknown = (failures as StorageFailure[]).find(({ kind }) => kind === 'outcome_unknown');
          const failure = unknown ?? (failures[0] as StorageFailure | undefined);
          if (failure === undefined) return;
          // One that was certainly not applied, beside one that was.
          if (attempts.mayHaveApplied && failure.kind === 'unavailable') {
            throw new StorageFailure('outcome_unknown', { cause: failure.cause });
          }
          throw failure;
        },

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
              await pause(20 + Math.random() * 80);
            }
          }
        },
      };
    },
  };
}

/** How Cassandra answers a read in which a replica failed. */
const READ_FAILURE: number = types.responseErrorCodes.readFailure;

function isReadFailure(error: unknown): error is errors.ResponseError {
  return error instanceof errors.ResponseError && error.code === READ_FAILURE;
}

/** Two transactions that met are kept from meeting again by a wait of chance. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const NAMES = new Map<string, string>();

/** `query` as it is watched: its verb and its table, `SELECT users` (OpenTelemetry's `db.query.summary`). */
export function nameOf(query: string): string {
  const known = NAMES.get(query);
  if (known !== undefined) return known;
  const [, select, from, put, into] =
    /^\s*(?:(SELECT)\b[^]*?\bFROM\s+(\w+)|(INSERT|UPDATE)(?:\s+INTO)?\s+(\w+))/.exec(query) ?? [];
  const name = `${select ?? put ?? 'OTHER'} ${from ?? into ?? ''}`.trimEnd();
  NAMES.set(query, name);
  return name;
}

/** Statements that go out together, by the table of the first of them. */
function nameOfBatch([first]: readonly Statement[]): string {
  return `BATCH ${nameOf(first?.query ?? '').replace(/^\w+ /, '')}`;
}
