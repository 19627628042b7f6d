import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { SECURITY_HEADERS } from '../security-headers.ts';

/** What is known of a request while it is served. */
export interface RequestContext {
  /** The `X-Request-Id` of the request, if it is well-formed, or a new one. */
  readonly requestId: string;
  /** The trace of the request (W3C Trace Context); null if it has none. */
  traceId: string | null;
  /** The route of the request, once it was looked up; see `routeOf`. */
  route: string | null;
  /** Headers that every answer to this request gets, beside the security headers. */
  readonly headers: Record<string, string>;
  /** Whether the answer was made with these headers already. */
  hasHeaders: boolean;
  /** Whether the answer repeats that of an earlier request with the same idempotency key. */
  replayed: boolean;
}

declare module 'hono' {
  interface ContextVariableMap {
    requestContext: RequestContext;
  }
}

/** The first middleware: makes the context of the request, and completes the headers of its answer. */
export const requestContext: MiddlewareHandler = async (c, next) => {
  const requestId = requestIdOf(c.req.header('X-Request-Id'));
  const context: RequestContext = {
    requestId,
    traceId: traceIdIn(c.req.header('traceparent')),
    route: null,
    headers: { 'X-Request-Id': requestId },
    hasHeaders: false,
    replayed: false,
  };
  c.set('requestContext', context);
  await next();
  if (!context.hasHeaders) applyHeaders(c.res, context);
};

const REQUEST_ID_PATTERN = /^[\w\-=]{1,255}$/;

function requestIdOf(given: string | undefined): string {
  return given !== undefined && REQUEST_ID_PATTERN.test(given) ? given : crypto.randomUUID();
}

const TRACEPARENT = /^[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/;

function traceIdIn(traceparent: string | undefined): string | null {
  return traceparent === undefined ? null : (TRACEPARENT.exec(traceparent)?.[1] ?? null);
}

/**
 * The template of the route that takes the request, or would have taken it, as the OpenAPI document has it; null where
 * there is none.
 */
export function routeOf(c: Context): string | null {
  const context = c.get('requestContext');
  context.route ??=
    matchedRoutes(c)
      .findLast(({ method }) => method !== 'ALL')
      ?.path.replaceAll(/:(\w+)/g, '{$1}') ?? null;
  return context.route;
}

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
]);

/** The method of the request; a word that is none is whatever a client likes, and is called `_OTHER`. */
export function methodOf(c: Context): string {
  return METHODS.has(c.req.method) ? c.req.method : '_OTHER';
}

/** Gives an answer the headers that it was not made with. */
function applyHeaders(answer: Response, { headers }: RequestContext): void {
  for (const [name, value] of Object.entries({ ...SECURITY_HEADERS, ...headers })) {
    if (!answer.headers.has(name)) answer.headers.set(name, value);
  }
}
