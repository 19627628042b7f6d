import type { RouteConfig, RouteConfigToTypedResponse } from '@hono/zod-openapi';
import type { Context, TypedResponse } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { HEADERS } from './browser-headers.ts';

/** What a route may answer by its own account. */
export type AnswerOf<Route extends RouteConfig> = Response & RouteConfigToTypedResponse<Route>;

/** `view` as JSON. */
export function json<View extends object, Status extends ContentfulStatusCode>(
  c: Context,
  view: View,
  status: Status,
  headers?: Readonly<Record<string, string>>,
): Response & TypedResponse<View, Status, 'json'> {
  return answer(c, JSON.stringify(view), status, 'application/json', headers) as Response &
    TypedResponse<View, Status, 'json'>;
}

/**
 * An answer with the headers of every answer to this request. They stay a plain object, of which the server writes
 * its lines; a `Headers`, which Hono's own ways would make of them, costs more than the rest of the answer.
 */
export function answer(
  c: Context,
  body: string,
  status: ContentfulStatusCode,
  contentType: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  const exchange = c.get('exchange');
  exchange.isDressed = true;
  return new Response(body, {
    status,
    headers: { ...HEADERS, ...exchange.headers, 'Content-Type': contentType, ...headers },
  });
}
