import type { RouteConfig, RouteConfigToTypedResponse } from '@hono/zod-openapi';
import type { Context, TypedResponse } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { SECURITY_HEADERS } from './security-headers.ts';

/** The responses that a route declares. */
export type ResponseOf<Route extends RouteConfig> = Response & RouteConfigToTypedResponse<Route>;

/** A JSON response with `view`. */
export function json<View extends object, Status extends ContentfulStatusCode>(
  c: Context,
  view: View,
  status: Status,
  headers?: Readonly<Record<string, string>>,
): Response & TypedResponse<View, Status, 'json'> {
  return respond(c, JSON.stringify(view), status, 'application/json', headers) as Response &
    TypedResponse<View, Status, 'json'>;
}

/** A response without a body. */
export function noContent(c: Context): Response & TypedResponse<object, 204, string> {
  const context = c.get('requestContext');
  context.hasHeaders = true;
  const headers = { ...SECURITY_HEADERS, ...context.headers };
  return new Response(null, { status: 204, headers }) as Response & TypedResponse<object, 204, string>;
}

/** A streaming response. A header tells proxies not to buffer it. */
export function stream(c: Context, body: ReadableStream<Uint8Array>, contentType: string): Response {
  const context = c.get('requestContext');
  context.hasHeaders = true;
  const headers = {
    ...SECURITY_HEADERS,
    ...context.headers,
    'Content-Type': contentType,
    'X-Accel-Buffering': 'no',
  };
  return new Response(body, { headers });
}

/**
 * A response with the common headers of this request. The headers stay a plain object, which the server writes directly;
 * Hono's own methods would build a `Headers` object first, which is expensive on Node. Headers set by `c.header` are
 * ignored: add them to the request context, or pass them here.
 */
export function respond(
  c: Context,
  body: string,
  status: ContentfulStatusCode,
  contentType: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  const context = c.get('requestContext');
  context.hasHeaders = true;
  return new Response(body, {
    status,
    headers: { ...SECURITY_HEADERS, ...context.headers, 'Content-Type': contentType, ...headers },
  });
}
