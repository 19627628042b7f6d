import type { Problem } from './types.ts';

/** The service, or a proxy in front of it, refused a request. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  /** The problem of the response. A response without one, such as that of a proxy, gets the type `about:blank`. */
  readonly problem: Problem;
  /** The time after which to repeat the request, in milliseconds; null if the response names none. */
  readonly retryAfterMs: number | null;

  constructor(problem: Problem, retryAfterMs: number | null = null) {
    super(`${problem.title}: ${problem.detail}`);
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }

  /** The last part of the type, such as `conversation-not-found`. */
  get code(): string {
    return this.problem.type.split(':').at(-1) ?? '';
  }

  /** Whether the service has refused, and not something in between, such as a proxy. */
  get isFromService(): boolean {
    return this.problem.type !== 'about:blank';
  }

  /** Whether the same request may succeed later: 408, 429, 502, 503 and 504. */
  get isTemporary(): boolean {
    return [408, 429, 502, 503, 504].includes(this.problem.status);
  }
}

/** No complete response arrived: the network failed, or the time limit passed. The request may have been applied. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
}
