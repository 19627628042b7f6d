import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Build } from '../../../application/ports/build.ts';
import { json } from '../respond.ts';
import { HttpFailure } from '../problems.ts';
import { jsonResponse, problemResponses } from '../openapi/openapi-responses.ts';
import { registerRoute } from '../register-route.ts';

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

const versionRoute = createRoute({
  method: 'get',
  path: '/version',
  operationId: 'getVersion',
  tags: ['Operation'],
  security: [],
  summary: 'What is running',
  responses: {
    200: jsonResponse(
      'The build. The log names it too.',
      z
        .strictObject({
          version: z.string().openapi({ example: '0.1.0' }),
          commit: z.string().nullable().openapi({
            description:
              'The commit that it was built from, with -dirty where it was changed; null if unknown.',
            example: '9f1c2f6e6a534b0e9d5e0c7a3f1b8d2400c0ffee',
          }),
        })
        .openapi('Version'),
    ),
  },
});

/** What those who run the service ask of it. `missing` tells what keeps it from serving, a sentence each. */
export function addHealthRoutes(
  app: OpenAPIHono,
  { readinessProblems, build }: { readinessProblems: () => Promise<readonly string[]>; build: Build },
): void {
  registerRoute(app, liveRoute, (c) => json(c, { status: 'live' as const }, 200));

  // Nothing limits these requests, and each check may read from storage: those that come meanwhile share it.
  let checking: Promise<readonly string[]> | null = null;
  const check = (): Promise<readonly string[]> =>
    (checking ??= readinessProblems().finally(() => {
      checking = null;
    }));

  registerRoute(app, readyRoute, async (c) => {
    const sentences = await check();
    if (sentences.length > 0) throw new HttpFailure('not_ready', { detail: sentences.join(' ') });
    return json(c, { status: 'ready' as const }, 200);
  });

  registerRoute(app, versionRoute, (c) => json(c, build, 200));
}
