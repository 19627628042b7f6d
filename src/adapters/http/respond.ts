import type { RouteConfig, RouteConfigToTypedResponse } from '@hono/zod-openapi';
import type { Context, TypedResponse } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { SECURITY_HEADERS } from './security-headers.ts';

/** What a route may answer by its own account. */
export type ResponseOf<Route extends RouteConfig> = Response & RouteConfigToTypedResponse<Route>;

/** `view` as JSON. */
export function json<View extends object, Status extends ContentfulStatusCode>(
  c: Context,
  view: View,
  status: Status,
  headers?: Readonly<Record<string, string>>,
): Response & TypedResponse<View, Status, 'json'> {
  return respond(c, JSON.stringify(view), status, 'application/json', headers) as Response &
    TypedResponse<View, Status, 'json'>;
}

/** An answer whose body is made as it is read. Proxies are told not to collect it. */
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
 * An answer with the headers of every answer to this request. They stay a plain object, of which the server writes
 * its lines; Hono's own ways would make a `Headers` of them first, which is expensive on Node. What was
 * given to `c.header` is not in it: headers of an answer go into its request context, or come here.
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
