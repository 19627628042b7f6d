import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

/** File names only: no slash, and not `..`. */
const FILE_NAME = /^\w[\w.-]*$/;

/** Reads a file of the Swagger UI package; null if there is no such file. */
export async function docsAssets(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  if (!FILE_NAME.test(name)) return null;
  try {
    return await readFile(join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
