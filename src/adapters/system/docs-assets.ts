import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { assetFolder } from './asset-folder.ts';

/** Reads a file of the Swagger UI package; null if there is no such file. */
export const docsAssets = assetFolder(
  dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json')),
);
