import type { OpenAPIHono } from '@hono/zod-openapi';
import { respond } from '../respond.ts';

/** What is measured, as Prometheus reads it. */
export interface MetricsText {
  readonly text: () => Promise<string>;
  readonly contentType: string;
}

/** For a machine, which knows its form without the OpenAPI document. */
export function addMetricsRoute(app: OpenAPIHono, { text, contentType }: MetricsText): void {
  app.get('/metrics', async (c) => respond(c, await text(), 200, contentType));
}
