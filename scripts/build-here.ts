import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Build } from '../src/application/ports/build.ts';

/** What is built here: where there is no repository, as in an image, REVISION names the commit. */
export function buildHere(): Build {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const { REVISION = '' } = process.env;
  return { version, commit: REVISION === '' ? commitHere() : REVISION };
}

/** The commit of the repository that this is the root of; null where it is of none, or lies in another one. */
function commitHere(): string | null {
  if (!existsSync('.git')) return null;
  try {
    const described = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
    return execFileSync('git', described, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}
