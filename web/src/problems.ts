import { ProblemError } from 'cassandra-messenger-client';

/** Why a change has failed, as a sentence. */
export function reasonOf(error: unknown): string {
  return error instanceof ProblemError ? error.problem.detail : 'No response arrived.';
}
