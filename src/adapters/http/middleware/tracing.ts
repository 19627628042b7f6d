import type { MiddlewareHandler } from 'hono';
import type { Tracing } from '../../../application/ports/tracing.ts';
import { methodOf, routeOf } from './request-context.ts';

/** Has `tracing` follow each request. All that stands after it belongs to the request. */
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
        const place = tracing.spanContext();
        if (place !== null) c.get('requestContext').traceId = place.traceId;
        await next();
        return { route: routeOf(c), status: c.res.status };
      },
    );
}
