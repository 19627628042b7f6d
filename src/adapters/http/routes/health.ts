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
  summary: 'Liveness check',
  description: 'Does not query storage: an outage of storage is no reason to restart the process.',
  responses: {
    200: jsonResponse('The process is alive.', z.strictObject({ status: z.literal('live') }).openapi('Live')),
  },
});

const readyRoute = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'isReady',
  tags: ['Operation'],
  security: [],
  summary: 'Readiness check',
  responses: {
    ...problemResponses(['internal_error', 'not_ready']),
    200: jsonResponse(
      'The service can serve requests.',
      z.strictObject({ status: z.literal('ready') }).openapi('Ready'),
    ),
  },
});

const versionRoute = createRoute({
  method: 'get',
  path: '/version',
  operationId: 'getVersion',
  tags: ['Operation'],
  security: [],
  summary: 'Version and commit of the service',
  responses: {
    200: jsonResponse(
      'The build, as in the log.',
      z
        .strictObject({
          version: z.string().openapi({ example: '0.1.0' }),
          commit: z.string().nullable().openapi({
            description:
              'The commit of the build, with the suffix -dirty if files were changed; null if unknown.',
            example: '9f1c2f6e6a534b0e9d5e0c7a3f1b8d2400c0ffee',
          }),
        })
        .openapi('Version'),
    ),
  },
});

/** Adds the health checks and the version. `readinessProblems` returns one sentence per reason; empty if ready. */
export function addHealthRoutes(
  app: OpenAPIHono,
  { readinessProblems, build }: { readinessProblems: () => Promise<readonly string[]>; build: Build },
): void {
  registerRoute(app, liveRoute, (c) => json(c, { status: 'live' as const }, 200));

  // These requests are not limited and a check may read from storage, so concurrent requests share one check.
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
