import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Build } from '../src/application/ports/build.ts';

/** The version and commit of a build of this folder. REVISION is the commit if there is no repository, as in an image. */
export function buildHere(): Build {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const { REVISION = '' } = process.env;
  return { version, commit: REVISION === '' ? commitHere() : REVISION };
}

/** The commit of the repository whose root is this folder; null if this folder is not the root of one. */
function commitHere(): string | null {
  if (!existsSync('.git')) return null;
  try {
    const described = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
    return execFileSync('git', described, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}
