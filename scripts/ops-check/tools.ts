import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../deploy-check/run.ts';
import { projectFolder } from '../local-cassandra/project.ts';

const folder = join(projectFolder, 'node_modules', '.cache', 'ops-check');

/** Prometheus and the tool that comes with it: paths of programs, or names of such that are on the PATH. */
export interface Tools {
  readonly prometheus: string;
  readonly promtool: string;
}

/**
 * The tools: those of this host, or else those out of Debian's package, which is unpacked into a folder of ours and not
 * installed. Null where neither can be had.
 */
export async function findTools(): Promise<Tools | null> {
  if (await areThere({ prometheus: 'prometheus', promtool: 'promtool' })) {
    return { prometheus: 'prometheus', promtool: 'promtool' };
  }
  const bin = join(folder, 'usr', 'bin');
  const unpacked = { prometheus: join(bin, 'prometheus'), promtool: join(bin, 'promtool') };
  if (!existsSync(unpacked.promtool)) await unpack();
  return (await areThere(unpacked)) ? unpacked : null;
}

async function areThere({ prometheus, promtool }: Tools): Promise<boolean> {
  const runs = [await run(prometheus, ['--version']), await run(promtool, ['--version'])];
  return runs.every(({ code }) => code === 0);
}

async function unpack(): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await run('apt-get', ['download', 'prometheus'], { cwd: folder });
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (archive !== undefined) await run('dpkg', ['-x', archive, '.'], { cwd: folder });
}
