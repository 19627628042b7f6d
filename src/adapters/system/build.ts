import { readFileSync } from 'node:fs';
import type { Build } from '../../application/ports/build.ts';

/** What `npm run build` noted; or the package, from its sources and from what was built of them. */
const NOTES = ['../../../build.json', '../../../package.json', '../../../../package.json'];

/** What this process runs. Only what was built by `npm run build` knows its commit. */
export function buildOfThisProcess(): Build {
  for (const path of NOTES) {
    const note = read(new URL(path, import.meta.url));
    if (note !== null) return { version: note.version, commit: note.commit ?? null };
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
