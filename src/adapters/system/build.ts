import { readFileSync } from 'node:fs';
import type { Build } from '../../application/ports/build.ts';

/** The file that `npm run build` writes; otherwise package.json, relative to the sources and to the compiled files. */
const BUILD_FILES = ['../../../build.json', '../../../package.json', '../../../../package.json'];

/** The build of this process. The commit is known only after `npm run build`. */
export function buildOfThisProcess(): Build {
  for (const path of BUILD_FILES) {
    const build = read(new URL(path, import.meta.url));
    if (build !== null) return { version: build.version, commit: build.commit ?? null };
  }
  return { version: 'unknown', commit: null };
}

function read(url: URL): (Partial<Build> & Pick<Build, 'version'>) | null {
  try {
    return JSON.parse(readFileSync(url, 'utf8')) as Build;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
