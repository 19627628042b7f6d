import type { types } from 'cassandra-driver';
import { errors, policies, type Client, type Host, type QueryOptions } from 'cassandra-driver';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { UNWATCHED, type Telemetry } from '../../application/ports/telemetry.ts';
import { neverLeft, readFailure, writeFailure } from './failures.ts';

/** A row as the driver gives it: values by column name. */
export type Row = types.Row;

/** One statement with its values, in order. `undefined` leaves a cell alone; there is never a `null`. */
export interface Statement {
  readonly query: string;
  readonly params: readonly unknown[];
}

/** How long an attempt may run alone before the same idempotent statement is also sent to another node. */
export const SPECULATIVE_DELAY_MS = 200;

const { RetryPolicy } = policies.retry;
type Decision = ReturnType<policies.retry.RetryPolicy['rethrowResult']>;

/** Tells of each attempt that is made again. */
abstract class WatchedRetry extends RetryPolicy {
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

/** Reads change nothing, so any failure of one may be tried again: at once on the same node, or on the next. */
class ReadRetry extends WatchedRetry {
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
 * The writes of one request, in order, and whether any attempt of any of them may have reached a replica: only
 * when none may have, a failure is `unavailable`. Being the driver's retry policy for them, it sees each attempt.
 */
class WriteAttempts extends WatchedRetry {
  mayHaveApplied = false;

  override onWriteTimeout(info: policies.retry.OperationInfo): Decision {
    this.mayHaveApplied = true;
    return info.nbRetry < 1 ? this.sameNode() : this.rethrowResult();
  }

  override onUnavailable(info: policies.retry.OperationInfo): Decision {
    return info.nbRetry < 1 ? this.nextNode() : this.rethrowResult();
  }

  override onRequestError(info: policies.retry.OperationInfo, _consistency: number, error: Error): Decision {
    if (!neverLeft(error)) this.mayHaveApplied = true;
    return info.nbRetry < 2 ? this.nextNode() : this.rethrowResult();
  }
}

/** The writes of one request. Each rejects with a `StorageFailure` that speaks for all of them so far. */
export interface Writes {
  /** One idempotent write. */
  run(query: string, params: readonly unknown[]): Promise<void>;
  /** Idempotent writes to one partition key: one mutation, all or nothing on each replica. */
  together(statements: readonly Statement[]): Promise<void>;
  /**
   * A lightweight transaction, repeated until its outcome is known or time is up: the row of its answer. The
   * statement has to recognise its own earlier success in what it finds.
   */
  decide(query: string, params: readonly unknown[]): Promise<Row>;
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
  readonly decideWithinMs: number;
}

/** A session over `client`; until `isOpen` says so, everything is `unavailable` without being tried. */
export function makeSession(
  client: Client,
  isOpen: () => boolean,
  options: SessionOptions,
  telemetry: Telemetry = UNWATCHED,
): Session {
  const { consistency, localDatacenter, decideWithinMs } = options;
  const read: QueryOptions = {
    prepare: true,
    consistency: consistency.read,
    isIdempotent: true,
    retry: new ReadRetry(telemetry),
  };

  const requireOpen = (): void => {
    if (!isOpen()) throw new StorageFailure('unavailable', { cause: new Error('not connected') });
  };

  /** What `send` answers; `failureOf` puts what it fails with into the ports' words. */
  const watched = (
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

  /** A node of this datacenter that was not tried, so that a repeat does not wait for the same one again. */
  const untried = (tried: ReadonlySet<string>): Host | undefined =>
    client.hosts
      .values()
      .find((host) => host.datacenter === localDatacenter && host.isUp() && !tried.has(host.address));

  return {
    async read(query, params) {
      requireOpen();
      const send = () => client.execute(query, params as unknown[], read);
      return (await watched(nameOf(query), send, readFailure)).rows;
    },

    async readPage(query, params, size, from) {
      requireOpen();
      const options = { ...read, fetchSize: size, ...(from !== null && { pageState: from }) };
      const send = () => client.execute(query, params as unknown[], options);
      // Absent on the last page, which the driver's types don't say.
      const answer: { rows: Row[]; pageState?: string } = await watched(nameOf(query), send, readFailure);
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
        await watched(name, send, (error) => {
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
        run: (query, params) =>
          attempt(nameOf(query), () => client.execute(query, params as unknown[], write)),

        together: (statements) =>
          attempt(nameOfBatch(statements), () =>
            client.batch(statements as { query: string; params: unknown[] }[], write),
          ),

        async decide(query, params) {
          requireOpenFor(attempts);
          const until = performance.now() + decideWithinMs;
          const tried = new Set<string>();
          let host: Host | undefined;
          for (;;) {
            try {
              const options = {
                prepare: true,
                consistency: consistency.write,
                serialConsistency: consistency.serial,
                isIdempotent: false,
                retry: attempts,
                ...(host && { host }),
              };
              const send = () => client.execute(query, params as unknown[], options);
              const result = await watched(nameOf(query), send, (error) =>
                writeFailure(error, attempts.mayHaveApplied),
              );
              attempts.mayHaveApplied = true;
              return result.first();
            } catch (failure) {
              if (!(failure instanceof StorageFailure)) throw failure;
              if (failure.kind === 'outcome_unknown') attempts.mayHaveApplied = true;
              if (performance.now() >= until) throw failure;
              telemetry.attemptRepeated();
              tried.add(coordinatorOf(failure.cause));
              host = untried(tried);
              if (host === undefined) tried.clear();
              await pause(20 + Math.random() * 80);
            }
          }
        },
      };
    },
  };
}

/** The driver notes on an error which node it came from. */
function coordinatorOf(error: unknown): string {
  if (error instanceof errors.OperationTimedOutError && error.host !== undefined) return error.host;
  return (error as { coordinator?: string }).coordinator ?? '';
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
