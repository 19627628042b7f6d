/**
 * Why a local cluster could not be started: `missing` (Java or Maven), `already_running` (the folder has its
 * cluster), `port_taken` (or an address that this host lacks), `start_failed` (the message ends with the log).
 */
export type LocalCassandraFailure = 'missing' | 'already_running' | 'port_taken' | 'start_failed';

/** A reason that a person can act on; the message is one to print as it is. */
export class LocalCassandraError extends Error {
  readonly failure: LocalCassandraFailure;

  constructor(failure: LocalCassandraFailure, message: string) {
    super(message);
    this.name = 'LocalCassandraError';
    this.failure = failure;
  }
}
