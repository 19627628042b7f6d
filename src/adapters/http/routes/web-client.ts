import type { OpenAPIHono } from '@hono/zod-openapi';
import { etag } from 'hono/etag';
import { HttpFailure } from '../problems.ts';
import { policyFor } from '../security-headers.ts';
import { makeStaticFiles, CACHE_REVALIDATE, staticResponse, type ReadAsset } from '../static-file.ts';

/** The files that the page loads; no others are served. */
const ASSETS: ReadonlyMap<string, string> = new Map([
  ['main.js', 'text/javascript; charset=utf-8'],
  ['main.css', 'text/css; charset=utf-8'],
  ['icon.svg', 'image/svg+xml'],
]);

/** Adds the web client at `/app` below `publicPath`. The page loads nothing from other hosts. */
export function addWebClientRoutes(
  app: OpenAPIHono,
  deps: {
    /** Reads a file of the built web client. */
    readonly webAssets: ReadAsset;
    readonly publicPath: string;
    /** Whether requests to the API need a token. */
    readonly needsToken: boolean;
  },
): void {
  const { webAssets, publicPath, needsToken } = deps;

  // Without an ETag: a 304 would replace the Content-Security-Policy of the page in the cache.
  app.get('/app', async (c) => {
    const template = await webAssets('index.html');
    if (template === null) {
      throw new HttpFailure('path_not_found', {
        detail: `The web client is not built: run "npm run build". The documentation is at ${publicPath}/docs.`,
      });
    }
    const html = new TextDecoder()
      .decode(template)
      .replaceAll('%PUBLIC_PATH%', publicPath)
      .replaceAll('%AUTH%', needsToken ? 'jwt' : 'none');
    return c.html(html, 200, { 'Content-Security-Policy': await policyFor(html) });
  });

  const fileOf = makeStaticFiles(webAssets, ASSETS);
  app.get('/app/:name', etag(), async (c) => {
    const file = await fileOf(c.req.param('name'));
    if (file === null) throw new HttpFailure('path_not_found');
    return staticResponse(c, file, CACHE_REVALIDATE);
  });
}
