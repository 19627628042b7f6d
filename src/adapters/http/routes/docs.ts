import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { swaggerUI } from '@hono/swagger-ui';
import { etag } from 'hono/etag';
import { policyFor } from '../security-headers.ts';
import { TITLE } from '../openapi/openapi-document.ts';
import { HttpFailure } from '../problems.ts';
import { jsonResponse, problemResponses } from '../openapi/openapi-responses.ts';
import { makeStaticFile, staticResponse, type StaticFile } from '../static-file.ts';

/** The file of Swagger UI with this name, or null. */
export type DocsAssets = (name: string) => Promise<Uint8Array<ArrayBuffer> | null>;

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

/** The OpenAPI document changes with the version of the service, so clients revalidate it each time. */
const REVALIDATED = 'no-cache';
const FOR_AN_HOUR = 'public, max-age=3600';

/** Adds the OpenAPI document and the documentation page below `publicPath`. The page loads nothing from other hosts. */
export function addDocsRoutes(
  app: OpenAPIHono,
  deps: {
    readonly document: () => object;
    readonly docsAssets: DocsAssets;
    readonly publicPath: string;
  },
): void {
  const { document, docsAssets, publicPath } = deps;

  let documentFile: Promise<StaticFile> | undefined;
  app.openAPIRegistry.registerPath(documentRoute);
  app.get(documentRoute.path, etag(), async (c) => {
    documentFile ??= makeStaticFile(new TextEncoder().encode(JSON.stringify(document())), 'application/json');
    return staticResponse(c, await documentFile, REVALIDATED);
  });

  app.get('/', (c) => c.redirect(`${publicPath}/docs`));

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

  const files = new Map<string, Promise<StaticFile | null>>();
  const fileOf = (name: string, contentType: string): Promise<StaticFile | null> => {
    const known = files.get(name);
    if (known !== undefined) return known;
    const file = docsAssets(name).then((bytes) => bytes && makeStaticFile(bytes, contentType));
    files.set(name, file);
    // A file that is missing or unreadable is tried again at the next request.
    void file.then(
      (found) => found === null && files.delete(name),
      () => files.delete(name),
    );
    return file;
  };
  app.get('/docs/swagger-ui-dist/:name', etag(), async (c) => {
    const name = c.req.param('name');
    const contentType = ASSETS.get(name);
    const file = contentType === undefined ? null : await fileOf(name, contentType);
    if (file === null) throw new HttpFailure('path_not_found');
    return staticResponse(c, file, FOR_AN_HOUR);
  });
}
