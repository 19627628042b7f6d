import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

/** Response headers that web pages may read, in addition to the CORS-safelisted ones. */
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
 * Allows web pages of these origins to call the API and to read all responses, including errors. It must run before all
 * middlewares that may refuse, because a browser hides a response without CORS headers from the page. Tokens are sent in a
 * header, so credentials (cookies) are not allowed.
 */
export function corsMiddleware(origins: readonly string[]): MiddlewareHandler {
  return cors({
    origin: [...origins],
    allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID', 'X-Request-Id'],
    exposeHeaders: EXPOSED_HEADERS,
    maxAge: 600,
  });
}

/** The same headers for a response outside of the app, to a request from `origin`. */
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
