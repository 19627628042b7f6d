import type { MiddlewareHandler } from 'hono';
import type { Tracing } from '../../application/ports/tracing.ts';
import { routeOf } from './exchange.ts';

/** Has `tracing` follow each request. It stands before everything else, so that all the rest belongs to the request. */
export function tracingRequests(tracing: Tracing): MiddlewareHandler {
  return (c, next) =>
    tracing.request(
      {
        method: c.req.method,
        scheme: c.req.url.startsWith('https:') ? 'https' : 'http',
        traceparent: c.req.header('traceparent'),
        tracestate: c.req.header('tracestate'),
      },
      async () => {
        await next();
        return { route: routeOf(c), status: c.res.status };
      },
    );
}
