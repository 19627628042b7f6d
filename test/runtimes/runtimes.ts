import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { edgeFolder } from '../../scripts/edge/bundle.ts';
import { projectFolder } from '../../scripts/local-cassandra/project.ts';

/** How a process of the service is started. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

/** A runtime that the service runs on. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  readonly command: Command;
  /** Whether it is secrets of a signal, and so can tell others by /readyz before it stops. */
  readonly reportsStopping: boolean;
  /** What it can't do, or does otherwise. */
  readonly limits: string;
}

const HOST = '127.0.0.1';

/** What every process is given; the port is a free one. */
export const LISTENING = { HOST, PORT: '0' };

/** Where the runtimes' packages are installed. */
export const runtimesFolder = join(projectFolder, 'test', 'runtimes');

function installed(name: string, program: string): { program: string; version: string } {
  const folder = join(runtimesFolder, 'node_modules', name);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  return { program: join(folder, program), version };
}

/** All that are installed. The first is what the speed of the others is compared with. */
export function runtimes(): readonly [Runtime, ...Runtime[]] {
  const node = (name: string, ...more: string[]): Runtime => {
    const { program, version } = installed(name, 'bin/node');
    return {
      name: `Node ${version.split('.')[0]}`,
      version,
      command: { program, args: ['dist/src/main.node.js', ...more], cwd: projectFolder },
      reportsStopping: true,
      limits: 'none known',
    };
  };
  const bun = installed('@oven/bun-linux-x64', 'bin/bun');
  const deno = installed('@deno/linux-x64-glibc', 'deno');
  const workerd = installed('@cloudflare/workerd-linux-64', 'bin/workerd');
  return [
    node('node-20'),
    node('node-24'),
    {
      name: 'Bun',
      version: bun.version,
      command: { program: bun.program, args: ['src/main.bun.ts'], cwd: projectFolder },
      reportsStopping: true,
      limits: 'closes a connection on which nothing was said for a minute, also while a request is served',
    },
    {
      name: 'Deno',
      version: deno.version,
      command: {
        program: deno.program,
        args: [
          'run',
          '--no-prompt',
          '--allow-net',
          '--allow-env',
          '--allow-read',
          '--allow-sys=hostname',
          'src/main.deno.ts',
        ],
        cwd: projectFolder,
      },
      reportsStopping: true,
      limits:
        'has no bound on how slowly a request may arrive; while it stops it takes connections until the requests that it has are answered',
    },
    {
      name: 'workerd',
      version: workerd.version,
      command: {
        program: workerd.program,
        args: ['serve', 'workerd.capnp', '--socket-addr', `http=${HOST}:0`, '--control-fd=1'],
        cwd: edgeFolder,
      },
      reportsStopping: false,
      limits:
        'no TLS to Cassandra, and contact points must be addresses; is not secrets that it stops, so `/readyz` gives no notice and no background write is waited for; a body may arrive slowly without end; clock of milliseconds',
    },
  ];
}

/** Where a process says that it listens; null in any other line. */
export function urlIn(line: string): string | null {
  const logged = /"Listening at (http:[^"]+)"/.exec(line)?.[1];
  if (logged !== undefined) return logged;
  // workerd's own report.
  const port = /^\{"event":"listen".*"port":(\d+)/.exec(line)?.[1];
  return port === undefined ? null : `http://${HOST}:${port}`;
}

/** Installs the runtimes as they are locked, unless they are there. */
export function installRuntimes(): void {
  const lock = versionsIn('package-lock.json');
  if (lock === versionsIn(join('node_modules', '.package-lock.json'))) return;
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: runtimesFolder,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`The runtimes can't be installed: npm ci in ${runtimesFolder} failed.`);
}

/** The packages of a lockfile with their versions; null where there is none. */
function versionsIn(file: string): string | null {
  try {
    const { packages } = JSON.parse(readFileSync(join(runtimesFolder, file), 'utf8')) as {
      packages: Record<string, { version: string }>;
    };
    const installed = Object.entries(packages).filter(([path]) => path !== '');
    return installed.map(([path, { version }]) => `${path} ${version}`).join('\n');
  } catch {
    return null;
  }
}
