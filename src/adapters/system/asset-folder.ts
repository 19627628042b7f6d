import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** File names only: no slash, and not `..`. */
const FILE_NAME = /^\w[\w.-]*$/;

/** Reads files of `folder` by name; null if there is no such file. */
export function assetFolder(folder: string): (name: string) => Promise<Uint8Array<ArrayBuffer> | null> {
  return async (name) => {
    if (!FILE_NAME.test(name)) return null;
    try {
      return await readFile(join(folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  };
}
