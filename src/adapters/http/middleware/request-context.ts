import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Log } from '../../../application/ports/log.ts';
import type { Telemetry } from '../../../application/ports/telemetry.ts';
import type { UserId } from '../../../domain/ids.ts';
import { SECURITY_HEADERS } from '../security-headers.ts';

/** What is noted of a request while it is served. */
export interface RequestContext {
  /** The `X-Request-Id` of the request where it had a sane one, or one made for it. */
  readonly requestId: string;
  /** Of the trace that the request belongs to (W3C Trace Context); null where it belongs to none. */
  traceId: string | null;
  /** The route that takes the request, where that has been looked up; see `routeOf`. */
  route: string | null;
  /** What any answer to this request is to say in its header beside what all answers say. */
  readonly headers: Record<string, string>;
  /** Whether an answer with these headers has been made. */
  hasHeaders: boolean;
  /** Whether the answer is that of an earlier request with the same idempotency key. */
  replayed: boolean;
}

declare module 'hono' {
  interface ContextVariableMap {
    exchange: RequestContext;
  }
}

/** How logs name a user: by a name that only those who run the service can make; null to leave users out. */
export type Pseudonymize = ((userId: UserId) => string) | null;

/** Before everything else: notes what the rest goes by, and tells of each request what became of it. */
export function attending(deps: {
  readonly telemetry: Telemetry;
  readonly log: Log;
  readonly pseudonymize: Pseudonymize;
}): MiddlewareHandler {
  const { telemetry, log, pseudonymize } = deps;
  return async (c, next) => {
    const begun = performance.now();
    const requestId = requestIdOf(c.req.header('X-Request-Id'));
    const exchange: RequestContext = {
      requestId,
      traceId: traceIdIn(c.req.header('traceparent')),
      route: null,
      headers: { 'X-Request-Id': requestId },
      hasHeaders: false,
      replayed: false,
    };
    c.set('exchange', exchange);
    await next();
    if (!exchange.hasHeaders) applyHeaders(c.res, exchange);
    const answered = {
      method: methodOf(c),
      route: routeOf(c),
      status: c.res.status,
      milliseconds: performance.now() - begun,
      replayed: exchange.replayed,
    };
    telemetry.requestAnswered(answered);
    if (answered.status < 400 && answered.route !== null && PROBES.has(answered.route)) return;
    const { method, route, status } = answered;
    log.info(
      {
        ...logFieldsOf(c, pseudonymize),
        method,
        route,
        status,
        durationMs: Math.round(answered.milliseconds * 100) / 100,
      },
      'answered',
    );
  };
}

/** What is asked again and again by machines, and is worth no line as long as all is well. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);

/** By what names a line in the log can be joined with others about the same request. */
export function logFieldsOf(c: Context, pseudonymize: Pseudonymize): object {
  const { requestId, traceId } = c.get('exchange');
  const caller = pseudonymize === null ? undefined : c.get('caller');
  return {
    requestId,
    ...(traceId !== null && { traceId }),
    ...(caller?.kind === 'user' && { user: pseudonymize?.(caller.userId) }),
  };
}

const SANE_REQUEST_ID = /^[\w\-=]{1,255}$/;

function requestIdOf(given: string | undefined): string {
  return given !== undefined && SANE_REQUEST_ID.test(given) ? given : crypto.randomUUID();
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
  const exchange = c.get('exchange');
  exchange.route ??=
    matchedRoutes(c)
      .findLast(({ method }) => method !== 'ALL')
      ?.path.replaceAll(/:(\w+)/g, '{$1}') ?? null;
  return exchange.route;
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
