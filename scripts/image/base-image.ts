import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../checks.ts';
import { projectFolder } from '../local-cassandra/project.ts';
import type { Buildah } from './buildah.ts';

/** The base image: the one in NODE_IMAGE, the official one, or a substitute if it cannot be pulled. */
export async function baseImage(buildah: Buildah, folder: string): Promise<string> {
  const wanted = process.env['NODE_IMAGE'] ?? officialBase();
  const pulled = await buildah.do('pull', '--quiet', wanted).then(
    () => true,
    (error: unknown) => {
      if (process.env['NODE_IMAGE'] !== undefined) throw error;
      return false;
    },
  );
  if (pulled) return wanted;
  console.log(`${wanted} cannot be pulled on this host: building a substitute with mmdebstrap`);
  return makeSubstitute(buildah, folder);
}

/** The full name of the base image in the Dockerfile. */
function officialBase(): string {
  const [, name] =
    /^ARG NODE_IMAGE=(\S+)$/m.exec(readFileSync(join(projectFolder, 'Dockerfile'), 'utf8')) ?? [];
  if (name === undefined) throw new Error('The Dockerfile has no base image.');
  return `docker.io/library/${name}`;
}

/** The major version of Node in the official image. */
const NODE = 24;

const SUBSTITUTE_IMAGE = 'localhost/stand-in';

/** Documentation and translations, which an image does not need. */
const EXCLUDED_PATHS = ['doc', 'info', 'locale', 'man'].map((name) => `path-exclude=/usr/share/${name}/*`);

/**
 * Makes an image from this host's Debian release, with Node 24 and npm at the same paths as in the official image, for
 * hosts with access to package registries but not to image registries. Returns its name.
 */
async function makeSubstitute(buildah: Buildah, folder: string): Promise<string> {
  const system = join(folder, 'system.tar');
  await expectSuccess('mmdebstrap', [
    '--variant=essential',
    '--include=libatomic1,libstdc++6',
    ...EXCLUDED_PATHS.map((option) => `--dpkgopt=${option}`),
    debianCodename(),
    system,
  ]);
  const platform = `node-linux-${process.arch}`;
  await expectSuccess('npm', [
    'install',
    '--silent',
    '--ignore-scripts',
    '--prefix',
    folder,
    `${platform}@${NODE}`,
  ]);
  const modules = (await expectSuccess('npm', ['root', '--global', '--silent'])).trim();

  const container = await buildah.do('from', 'scratch');
  await buildah.do('add', '--quiet', container, system, '/');
  const node = join(folder, 'node_modules', platform, 'bin', 'node');
  await buildah.do('copy', '--quiet', container, node, '/usr/local/bin/node');
  await buildah.do('copy', '--quiet', container, join(modules, 'npm'), '/usr/local/lib/node_modules/npm');
  const script = '../lib/node_modules/npm/bin/npm-cli.js';
  await buildah.in(container, ['ln', '-s', script, '/usr/local/bin/npm']);
  await buildah.do('commit', '--quiet', '--rm', container, SUBSTITUTE_IMAGE);
  return SUBSTITUTE_IMAGE;
}

/** The codename of this host's release, whose packages this host can download. */
function debianCodename(): string {
  const [, name] = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? [];
  if (name === undefined) throw new Error('/etc/os-release has no codename of a Debian or Ubuntu release.');
  return name;
}

async function expectSuccess(program: string, args: readonly string[]): Promise<string> {
  const { code, output } = await run(program, args);
  if (code !== 0) throw new Error(`${program} failed:\n${output.slice(-4_000)}`);
  return output;
}
