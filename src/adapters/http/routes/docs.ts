import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { swaggerUI } from '@hono/swagger-ui';
import { etag } from 'hono/etag';
import { policyFor } from '../security-headers.ts';
import { TITLE } from '../openapi/openapi-document.ts';
import { HttpFailure } from '../problems.ts';
import { jsonResponse, problemResponses } from '../openapi/openapi-responses.ts';
import {
  CACHE_ONE_HOUR,
  makeStaticFile,
  makeStaticFiles,
  CACHE_REVALIDATE,
  staticResponse,
  type ReadAsset,
  type StaticFile,
} from '../static-file.ts';

/** The files of Swagger UI that the page needs; no others are served. */
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

/** Adds the OpenAPI document and the documentation page below `publicPath`. The page loads nothing from other hosts. */
export function addDocsRoutes(
  app: OpenAPIHono,
  deps: {
    readonly document: () => object;
    /** Reads a file of Swagger UI. */
    readonly docsAssets: ReadAsset;
    readonly publicPath: string;
  },
): void {
  const { document, docsAssets, publicPath } = deps;

  let documentFile: Promise<StaticFile> | undefined;
  app.openAPIRegistry.registerPath(documentRoute);
  app.get(documentRoute.path, etag(), async (c) => {
    documentFile ??= makeStaticFile(new TextEncoder().encode(JSON.stringify(document())), 'application/json');
    // It changes with the version of the service.
    return staticResponse(c, await documentFile, CACHE_REVALIDATE);
  });

  // The default path, which browsers request on their own.
  app.get('/favicon.ico', (c) => c.redirect(`${publicPath}/docs/swagger-ui-dist/favicon-32x32.png`));

  // Swagger UI loads its files from /docs/swagger-ui-dist. Its validator is a service of a third party, so it is off.
  app.get(
    '/docs',
    async (c, next) => {
      await next();
      c.header('Content-Security-Policy', await policyFor(await c.res.clone().text()));
    },
    swaggerUI({
      title: TITLE,
      url: `${publicPath}/openapi.json`,
      baseUrl: `${publicPath}/docs`,
      validatorUrl: 'none',
      persistAuthorization: true,
    }),
  );

  const fileOf = makeStaticFiles(docsAssets, ASSETS);
  app.get('/docs/swagger-ui-dist/:name', etag(), async (c) => {
    const file = await fileOf(c.req.param('name'));
    if (file === null) throw new HttpFailure('path_not_found');
    return staticResponse(c, file, CACHE_ONE_HOUR);
  });
}
