import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assetFolder } from './asset-folder.ts';

/** The folder that `npm run build` writes, relative to the compiled files and to the sources. */
const FOLDERS = ['../../../web', '../../../dist/web'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** Reads a file of the built web client; null if there is no such file, or if the web client is not built. */
export async function webAssets(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const folder = FOLDERS.find((path) => existsSync(`${path}/main.js`));
  return folder === undefined ? null : assetFolder(folder)(name);
}
