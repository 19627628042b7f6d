import type { UseCases } from '../use-cases.ts';
import type { Telemetry } from './telemetry.ts';

/** A request, for tracing. It contains no id of a user, a conversation or a message. */
export interface TracedRequest {
  /** A standard HTTP method, or `_OTHER`. */
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** The headers of the same names (W3C Trace Context). */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** The response to a traced request. */
export interface TracedResponse {
  /** The path template, with names in braces in place of ids; null if no route matched. */
  readonly route: string | null;
  readonly status: number;
}

/** The trace and the span of the work in progress. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

/**
 * Traces requests: each request, its use case and its statements get a span. A statement belongs to the span in whose
 * asynchronous context it is sent, even after that span has ended. All names are from closed lists, and values are not
 * recorded. No method adds a failure or a wait.
 */
export interface Tracing {
  /** Runs `handle` in a span of the request; `handle` resolves with the response. */
  request(request: TracedRequest, handle: () => Promise<TracedResponse>): Promise<void>;

  /** Runs `work` in a span of the use case; resolves and rejects like `work`. */
  useCase<Result>(name: keyof UseCases, work: () => Promise<Result>): Promise<Result>;

  /** As in `Telemetry`. Statements outside of requests, such as the schema check, are not traced. */
  readonly statementSent: Telemetry['statementSent'];

  /** The context of the work in progress; null if it belongs to no request. */
  spanContext(): SpanContext | null;
}
