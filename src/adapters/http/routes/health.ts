import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { HttpFailure } from '../problems.ts';
import { jsonResponse, problemResponses } from '../responses.ts';

const liveRoute = createRoute({
  method: 'get',
  path: '/livez',
  operationId: 'isLive',
  tags: ['Operation'],
  security: [],
  summary: 'Whether the process is alive',
  description: 'Never asks storage: an outage there is no reason to start this process anew.',
  responses: {
    200: jsonResponse('It is.', z.strictObject({ status: z.literal('live') }).openapi('Live')),
  },
});

const readyRoute = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'isReady',
  tags: ['Operation'],
  security: [],
  summary: 'Whether requests can be served',
  responses: {
    ...problemResponses(['internal_error', 'not_ready']),
    200: jsonResponse('They can.', z.strictObject({ status: z.literal('ready') }).openapi('Ready')),
  },
});

/** What those who run the service ask of it. `missing` tells what keeps it from serving, a sentence each. */
export function addHealthRoutes(
  app: OpenAPIHono,
  { missing }: { missing: () => Promise<readonly string[]> },
): void {
  app.openapi(liveRoute, (c) => c.json({ status: 'live' as const }, 200));

  app.openapi(readyRoute, async (c) => {
    const sentences = await missing();
    if (sentences.length > 0) throw new HttpFailure('not_ready', { detail: sentences.join(' ') });
    return c.json({ status: 'ready' as const }, 200);
  });
}
