import { errors, types } from 'cassandra-driver';
import { StorageFailure } from '../../application/ports/storage-failure.ts';

const { responseErrorCodes: codes } = types;

/** Answers of a coordinator that had not begun to write. */
const REFUSED_BEFORE_WRITING: ReadonlySet<number> = new Set([
  codes.unavailableException,
  codes.overloaded,
  codes.isBootstrapping,
]);

/** Answers that say that the statement is wrong: our bug, and no failure of storage. */
const WRONG_STATEMENT: ReadonlySet<number> = new Set([
  codes.protocolError,
  codes.syntaxError,
  codes.unauthorized,
  codes.invalid,
  codes.configError,
  codes.alreadyExists,
]);

/** What a read that failed with `error` means: it did not happen; a bug stays what it is. */
export function readFailure(error: unknown): unknown {
  return isOfTheStore(error) ? new StorageFailure('unavailable', { cause: error }) : error;
}

/**
 * What a write that failed with `error` means. `mayHaveApplied` says whether any earlier attempt, of this
 * statement or of one before it, may have reached a replica.
 */
export function writeFailure(error: unknown, mayHaveApplied: boolean): unknown {
  if (!isOfTheStore(error)) return error;
  const kind = mayHaveApplied || !definitelyNotApplied(error) ? 'outcome_unknown' : 'unavailable';
  return new StorageFailure(kind, { cause: error });
}

/** Whether `error` proves that its request changed nothing: it was never sent, or refused before any write. */
export function definitelyNotApplied(error: unknown): boolean {
  if (error instanceof errors.BusyConnectionError) return true;
  if (error instanceof errors.ResponseError) return REFUSED_BEFORE_WRITING.has(error.code);
  if (error instanceof errors.NoHostAvailableError) {
    return Object.values(error.innerErrors as Record<string, unknown>).every(
      (inner) => typeof inner === 'string' || isNotConnected(inner) || definitelyNotApplied(inner),
    );
  }
  return false;
}

/** A pool without an open connection, or a socket that broke before the request was written to it. */
function isNotConnected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { isSocketError, requestNotWritten } = error as {
    isSocketError?: boolean;
    requestNotWritten?: boolean;
  };
  return isSocketError === true ? requestNotWritten === true : /^No (?:connection|host)/.test(error.message);
}

function isOfTheStore(error: unknown): boolean {
  if (error instanceof errors.ResponseError) return !WRONG_STATEMENT.has(error.code);
  return (
    error instanceof errors.NoHostAvailableError ||
    error instanceof errors.OperationTimedOutError ||
    error instanceof errors.BusyConnectionError ||
    error instanceof errors.AuthenticationError ||
    error instanceof errors.DriverInternalError ||
    (error instanceof Error && (error as { isSocketError?: boolean }).isSocketError === true)
  );
}
