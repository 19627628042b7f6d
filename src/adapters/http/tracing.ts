import type { MiddlewareHandler } from 'hono';
import type { Tracing } from '../../application/ports/tracing.ts';
import { methodOf, routeOf } from './exchange.ts';

/** Has `tracing` follow each request. All that stands after it belongs to the request. */
export function tracingRequests(tracing: Tracing): MiddlewareHandler {
  return (c, next) =>
    tracing.request(
      {
        method: methodOf(c),
        scheme: c.req.url.startsWith('https:') ? 'https' : 'http',
        traceparent: c.req.header('traceparent'),
        tracestate: c.req.header('tracestate'),
      },
      async () => {
        const place = tracing.place();
        if (place !== null) c.get('exchange').traceId = place.traceId;
        await next();
        return { route: routeOf(c), status: c.res.status };
      },
    );
}
