import type { OpenAPIHono } from '@hono/zod-openapi';
import { respond } from '../respond.ts';

/** The metrics in the text format of Prometheus. */
export interface MetricsText {
  readonly text: () => Promise<string>;
  readonly contentType: string;
}

/** Adds `/metrics`. It is not in the OpenAPI document: Prometheus defines its format. */
export function addMetricsRoute(app: OpenAPIHono, { text, contentType }: MetricsText): void {
  app.get('/metrics', async (c) => respond(c, await text(), 200, contentType));
}
