import type { UseCases } from '../use-cases.ts';
import type { Telemetry } from './telemetry.ts';

/** A request as it is traced: nothing in it names a user, a conversation or a message. */
export interface TracedRequest {
  /** One of HTTP's own, or `_OTHER`. */
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Which trace it is a part of, as its headers say it (W3C Trace Context). */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** What became of a request. */
export interface TracedAnswer {
  /** The template of its path, with names in braces in place of ids; null where no route took it. */
  readonly route: string | null;
  readonly status: number;
}

/** Where a piece of work is found among the traces. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

/**
 * Follows requests on their way through the messenger, for whoever wants to see where the time of one went. What
 * is asked inside of a piece of work belongs to it, however late. All names are out of closed lists; values are never
 * told. Nothing here fails or waits by itself.
 */
export interface Tracing {
  /** Does the work of answering a request, which gives what became of it. */
  request(request: TracedRequest, answer: () => Promise<TracedAnswer>): Promise<void>;

  /** Does the work of a use case, and gives or rejects with what it does. */
  useCase<Answer>(name: keyof UseCases, work: () => Promise<Answer>): Promise<Answer>;

  /** As `Telemetry` has it. What no request asked for, such as a look at the schema, is not followed. */
  readonly statementSent: Telemetry['statementSent'];

  /** The place of the work in progress; null where it belongs to no request. */
  spanContext(): SpanContext | null;
}
