import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

/** What a page may read of an answer beside its body and the headers that browsers always show. */
const EXPOSED_HEADERS = [
  'Allow',
  'Idempotency-Replayed',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
];

/**
 * Lets pages of these origins call the service and read its answers, also those that refuse. It must stand before all
 * middleware that may refuse: a browser shows a page nothing of an answer without these headers. Tokens come in a
 * header, so no cookies are allowed.
 */
export function corsMiddleware(origins: readonly string[]): MiddlewareHandler {
  return cors({
    origin: [...origins],
    allowMethods: ['GET', 'POST', 'PUT'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID', 'X-Request-Id'],
    exposeHeaders: EXPOSED_HEADERS,
    maxAge: 600,
  });
}

/** The same headers for an answer that no middleware made, to a request from `origin`. */
export function corsHeadersFor(
  origins: readonly string[],
  origin: string | undefined,
): Readonly<Record<string, string>> {
  if (origins.length === 0) return {};
  if (origin === undefined || !origins.includes(origin)) return { Vary: 'Origin' };
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Expose-Headers': EXPOSED_HEADERS.join(','),
    Vary: 'Origin',
  };
}
