import { errors, types } from 'cassandra-driver';
import { StorageFailure } from '../../application/ports/storage-failure.ts';

const { responseErrorCodes: codes } = types;

/** Errors of a coordinator that has not started to write. */
const REFUSED_BEFORE_WRITING: ReadonlySet<number> = new Set([
  codes.unavailableException,
  codes.overloaded,
  codes.isBootstrapping,
]);

/** Errors for an invalid statement: a bug of the service, not a failure of storage. */
const INVALID_STATEMENT: ReadonlySet<number> = new Set([
  codes.protocolError,
  codes.syntaxError,
  codes.unauthorized,
  codes.invalid,
  codes.configError,
  codes.alreadyExists,
]);

/** The failure of a read that failed with `error`: `unavailable`; a bug is returned unchanged. */
export function readFailure(error: unknown): unknown {
  return isStorageError(error) ? new StorageFailure('unavailable', { cause: error }) : error;
}

/**
 * The failure of a write that failed with `error`; a bug is returned unchanged. `mayHaveApplied`: whether any earlier
 * attempt, of this statement or of one before it, may have reached a replica.
 */
export function writeFailure(error: unknown, mayHaveApplied: boolean): unknown {
  if (!isStorageError(error)) return error;
  const kind = mayHaveApplied || !definitelyNotApplied(error) ? 'outcome_unknown' : 'unavailable';
  return new StorageFailure(kind, { cause: error });
}

/** Whether `error` proves that its request changed nothing: it was never sent, or was refused before any write. */
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

/** A pool without an open connection, or a socket that failed before the request was written to it. */
function isNotConnected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { isSocketError, requestNotWritten } = error as {
    isSocketError?: boolean;
    requestNotWritten?: boolean;
  };
  return isSocketError === true ? requestNotWritten === true : /^No (?:connection|host)/.test(error.message);
}

function isStorageError(error: unknown): boolean {
  if (error instanceof errors.ResponseError) return !INVALID_STATEMENT.has(error.code);
  return (
    error instanceof errors.NoHostAvailableError ||
    error instanceof errors.OperationTimedOutError ||
    error instanceof errors.BusyConnectionError ||
    error instanceof errors.AuthenticationError ||
    error instanceof errors.DriverInternalError ||
    (error instanceof Error && (error as { isSocketError?: boolean }).isSocketError === true)
  );
}
