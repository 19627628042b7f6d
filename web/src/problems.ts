import { ProblemError, type Problem } from 'cassandra-messenger-client';

/** Why a request has failed, as a sentence. `problem` is null if no response arrived. */
export function reasonOf(problem: Problem | null): string {
  if (problem === null) return 'No response arrived. The service may be down, or there is no connection.';
  // This is a response of something else, such as a proxy.
  if (problem.type === 'about:blank') return `The response was an error with the status ${problem.status}.`;
  return problem.detail;
}

/**
 * What has become of a change that failed, and why: `failureOf(error, 'The message was', 'changed')`. After a temporary
 * failure it is not known, because the response to an earlier attempt may have been lost.
 */
export function failureOf(error: unknown, subject: string, participle: string): string {
  const problem = error instanceof ProblemError ? error.problem : null;
  if (error instanceof ProblemError && !error.isTemporary && error.problem.status < 500) {
    return `${subject} not ${participle}. ${reasonOf(problem)}`;
  }
  const reason = problem === null || problem.type === 'about:blank' ? reasonOf(problem) : `${problem.title}.`;
  return `${reason} It is not certain whether ${lowerFirst(subject)} ${participle}. Try again.`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
