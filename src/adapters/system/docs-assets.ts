import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

/** The file of Swagger UI with this name, as its package has it; null where there is none. */
export async function docsAssets(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  if (basename(name) !== name) return null;
  try {
    return await readFile(join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
