import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { swaggerUI } from '@hono/swagger-ui';
import { json } from '../answer.ts';
import { policyFor } from '../browser-headers.ts';
import { HttpFailure } from '../problems.ts';
import { jsonResponse, problemResponses } from '../responses.ts';
import { addRoute } from '../route.ts';

/** The file of Swagger UI with this name, or null. */
export type DocsAssets = (name: string) => Promise<Uint8Array<ArrayBuffer> | null>;

/** All that Swagger UI needs of its files, and all that is given out of them. */
const ASSETS: ReadonlyMap<string, string> = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);

const documentRoute = createRoute({
  method: 'get',
  path: '/openapi.json',
  operationId: 'getOpenApiDocument',
  tags: ['Operation'],
  security: [],
  summary: 'This document',
  responses: {
    ...problemResponses(['internal_error']),
    200: jsonResponse('OpenAPI 3.1.', z.looseObject({ openapi: z.string() }).openapi('OpenApi')),
  },
});

/** The OpenAPI document, and the pages that show it; these load nothing from elsewhere. */
export function addDocsRoutes(
  app: OpenAPIHono,
  {
    document,
    docsAssets,
  }: {
    document: () => { openapi: string };
    docsAssets: DocsAssets;
  },
): void {
  addRoute(app, documentRoute, (c) => json(c, document(), 200));

  app.get('/', (c) => c.redirect('/docs'));

  // Where browsers look for it by themselves.
  app.get('/favicon.ico', (c) => c.redirect('/docs/swagger-ui-dist/favicon-32x32.png'));

  // The files are looked for below /docs/swagger-ui-dist. The validator would be someone else's.
  app.get(
    '/docs',
    async (c, next) => {
      await next();
      c.header('Content-Security-Policy', await policyFor(await c.res.clone().text()));
    },
    swaggerUI({ title: 'Messenger', url: '/openapi.json', baseUrl: '/docs', validatorUrl: 'none' }),
  );

  app.get('/docs/swagger-ui-dist/:name', async (c) => {
    const name = c.req.param('name');
    const type = ASSETS.get(name);
    const bytes = type === undefined ? null : await docsAssets(name);
    if (type === undefined || bytes === null) throw new HttpFailure('path_not_found');
    return c.body(bytes, 200, { 'Content-Type': type, 'Cache-Control': 'public, max-age=3600' });
  });
}
