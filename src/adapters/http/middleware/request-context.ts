import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { SECURITY_HEADERS } from '../security-headers.ts';

/** The state of a request while it is processed. */
export interface RequestContext {
  /** The `X-Request-Id` of the request if it is well-formed, or else a new one. */
  readonly requestId: string;
  /** The trace id of the request (W3C Trace Context); null if it has none. */
  traceId: string | null;
  /** The cached result of `routeOf`. */
  route: string | null;
  /** Headers of every response to this request, in addition to the security headers. */
  readonly headers: Record<string, string>;
  /** Whether the response already has these headers. */
  hasHeaders: boolean;
  /** Whether the response replays that of an earlier request with the same idempotency key. */
  replayed: boolean;
}

declare module 'hono' {
  interface ContextVariableMap {
    requestContext: RequestContext;
  }
}

/** The first middleware: creates the context of the request, and completes the headers of the response. */
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
 * The path template of the matching route, as in the OpenAPI document; null if no route matches. It is also known if a
 * middleware refuses the request.
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

/** The method of the request; `_OTHER` for an unknown one, since clients can send any text. */
export function methodOf(c: Context): string {
  return METHODS.has(c.req.method) ? c.req.method : '_OTHER';
}

/** Adds the missing common headers to a response. */
function applyHeaders(response: Response, { headers }: RequestContext): void {
  for (const [name, value] of Object.entries({ ...SECURITY_HEADERS, ...headers })) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
}
