import { NetworkError, ProblemError } from './problems.ts';
import { backoffMs, makeDeadline, pause, type Timer } from './timer.ts';
import type { Problem } from './types.ts';

/** The time limit of one attempt of a request, in milliseconds. The service answers in 10 seconds at most. */
const ATTEMPT_MS = 30_000;

/** The longest `Retry-After` that is waited for, in milliseconds. */
const MAX_RETRY_AFTER_MS = 300_000;

/** The longest pause between the attempts of a request with a maximum number of attempts, in milliseconds. */
const MAX_PAUSE_MS = 15_000;

export interface HttpOptions {
  readonly baseUrl: string;
  readonly token: string | (() => string | Promise<string>) | undefined;
  readonly fetch: typeof fetch;
  readonly random: () => number;
  readonly timer: Timer;
}

export interface JsonRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal: AbortSignal;
  /** The maximum number of attempts while the request fails temporarily. */
  readonly attempts?: number;
  /** The time limit of one attempt, in milliseconds. */
  readonly limitMs?: number;
}

/**
 * Whether a response has the status, or a body with the members, that the service sends. A proxy may answer in its place,
 * also with a success.
 */
export type IsExpected = (body: Readonly<Record<string, unknown>>, status: number) => boolean;

/** Requests to the service. They reject with a `ProblemError`, a `NetworkError`, or the reason of an abort. */
export interface Http {
  /** The successful response to one attempt. `signal` has to limit its time. */
  readonly open: (path: string, request: JsonRequest) => Promise<Response>;
  /**
   * The JSON of the successful response; undefined if it has none. Repeated with backoff while it fails temporarily, or
   * is not as expected.
   */
  readonly json: (path: string, request: JsonRequest, isExpected: IsExpected) => Promise<unknown>;
}

export function makeHttp({ baseUrl, token, fetch, random, timer }: HttpOptions): Http {
  const base = baseUrl.replace(/\/+$/, '');

  async function attempt(path: string, request: JsonRequest): Promise<Response> {
    const { method = 'GET', query = {}, headers, body, signal } = request;
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) search.set(name, String(value));
    const url = `${base}${path}${search.size > 0 ? `?${search.toString()}` : ''}`;
    try {
      const bearer = typeof token === 'function' ? await token() : token;
      signal.throwIfAborted();
      return await fetch(url, {
        method,
        headers: {
          Accept: 'application/json',
          ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal,
      });
    } catch (error) {
      throw networkErrorOf(error, signal);
    }
  }

  async function open(path: string, request: JsonRequest): Promise<Response> {
    let response = await attempt(path, request);
    // A token may have expired on the way. A function returns a new one.
    if (response.status === 401 && typeof token === 'function') {
      await response.body?.cancel();
      response = await attempt(path, request);
    }
    if (!response.ok) throw await problemErrorOf(response);
    return response;
  }

  async function once(path: string, request: JsonRequest, isExpected: IsExpected): Promise<unknown> {
    const deadline = makeDeadline(timer, request.signal);
    deadline.extend(request.limitMs ?? ATTEMPT_MS, new NetworkError('No response arrived in time.'));
    try {
      const response = await open(path, { ...request, signal: deadline.signal });
      const text = await response.text().catch((error: unknown) => {
        throw networkErrorOf(error, deadline.signal);
      });
      return parse(text, response.status, isExpected);
    } finally {
      deadline.end();
    }
  }

  async function json(path: string, request: JsonRequest, isExpected: IsExpected): Promise<unknown> {
    const { signal, attempts = 1 } = request;
    for (let number = 1; ; number += 1) {
      try {
        return await once(path, request, isExpected);
      } catch (error) {
        if (signal.aborted || number >= attempts || !isTemporary(error)) throw error;
        const pauseMs = retryMs(error, number, random);
        // The caller should get the reason without a long wait.
        if (attempts < Infinity && pauseMs > MAX_PAUSE_MS) throw error;
        await pause(timer, pauseMs, signal);
        signal.throwIfAborted();
      }
    }
  }

  return { open, json };
}

/** Whether the same request may succeed later. */
export function isTemporary(error: unknown): boolean {
  return error instanceof NetworkError || (error instanceof ProblemError && error.isTemporary);
}

/** The pause after failure number `number`, in milliseconds: the backoff, and not less than `Retry-After`. */
export function retryMs(error: unknown, number: number, random: () => number): number {
  const retryAfterMs = error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(backoffMs(number, random), retryAfterMs * (1 + random() / 2));
}

/** The reason of the abort if `signal` has aborted; else a `NetworkError`. */
export function networkErrorOf(cause: unknown, signal: AbortSignal): unknown {
  return signal.aborted ? signal.reason : new NetworkError('The request failed.', { cause });
}

function parse(text: string, status: number, isExpected: IsExpected): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Such as the login page of a public network.
  }
  if (isExpected((body ?? {}) as Record<string, unknown>, status)) return body;
  throw new NetworkError('The response is not from the service.');
}

async function problemErrorOf(response: Response): Promise<ProblemError> {
  const { status } = response;
  const body: unknown = await response.json().catch(() => null);
  const problem = isProblem(body)
    ? body
    : { type: 'about:blank', title: `HTTP status ${status}`, status, detail: 'The response has no problem.' };
  return new ProblemError(problem as Problem, retryAfterMsOf(response.headers.get('Retry-After')));
}

function isProblem(body: unknown): boolean {
  const { type, status } = (body ?? {}) as Record<string, unknown>;
  return typeof type === 'string' && typeof status === 'number';
}

/** Only the form in seconds, which the service uses. */
function retryAfterMsOf(header: string | null): number | null {
  return header !== null && /^\d{1,9}$/.test(header)
    ? Math.min(Number(header) * 1000, MAX_RETRY_AFTER_MS)
    : null;
}
