import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

/** No path: nothing with a slash in it, and not `..`. */
const FILE_NAME = /^\w[\w.-]*$/;

/** The file of Swagger UI with this name, as its package has it; null where there is none. */
export async function docsAssets(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  if (!FILE_NAME.test(name)) return null;
  try {
    return await readFile(join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
