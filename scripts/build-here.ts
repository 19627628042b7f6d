import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Build } from '../src/application/ports/build.ts';

/** What is built here: where there is no repository, as in an image, REVISION names the commit. */
export function buildHere(): Build {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const { REVISION = '' } = process.env;
  return { version, commit: REVISION === '' ? commitHere() : REVISION };
}

function commitHere(): string | null {
  try {
    const described = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
    return execFileSync('git', described, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}
