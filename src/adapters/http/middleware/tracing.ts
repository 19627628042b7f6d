import type { MiddlewareHandler } from 'hono';
import type { Tracing } from '../../../application/ports/tracing.ts';
import { methodOf, routeOf } from './request-context.ts';

/** Runs each request in a span. The middlewares and routes that follow run within it. */
export function tracingMiddleware(tracing: Tracing): MiddlewareHandler {
  return (c, next) =>
    tracing.request(
      {
        method: methodOf(c),
        scheme: c.req.url.startsWith('https:') ? 'https' : 'http',
        traceparent: c.req.header('traceparent'),
        tracestate: c.req.header('tracestate'),
      },
      async () => {
        const span = tracing.spanContext();
        if (span !== null) c.get('requestContext').traceId = span.traceId;
        await next();
        return { route: routeOf(c), status: c.res.status };
      },
    );
}
