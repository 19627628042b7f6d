import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { edgeFolder } from '../../scripts/edge/bundle.ts';
import { projectFolder } from '../../scripts/local-cassandra/project.ts';

/** The command that starts a process of the service. */
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
  /** The command that runs a script, whose file and arguments follow; null if the runtime runs no scripts. */
  readonly script: Pick<Command, 'program' | 'args'> | null;
  /** Whether the service receives SIGTERM, so that /readyz can fail before it stops. */
  readonly reportsStopping: boolean;
  /** Its limits and differences, as text for the report. */
  readonly limits: string;
}

const HOST = '127.0.0.1';

/** The settings of every process. Port 0 selects a free one. */
export const LISTENING = { HOST, PORT: '0' };

/** The folder with the packages of the runtimes. */
export const runtimesFolder = join(projectFolder, 'test', 'runtimes');

function installed(name: string, program: string): { program: string; version: string } {
  const folder = join(runtimesFolder, 'node_modules', name);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  return { program: join(folder, program), version };
}

/** The installed runtimes. The first is the reference for speed. */
export function runtimes(): readonly [Runtime, ...Runtime[]] {
  const node = (name: string, ...more: string[]): Runtime => {
    const { program, version } = installed(name, 'bin/node');
    return {
      name: `Node ${version.split('.')[0]}`,
      version,
      command: { program, args: ['dist/src/main.node.js', ...more], cwd: projectFolder },
      script: { program, args: [] },
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
      script: { program: bun.program, args: [] },
      reportsStopping: true,
      limits: 'closes a connection after a minute without traffic, also during a request',
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
      script: { program: deno.program, args: ['run', '--no-prompt', '--allow-net'] },
      reportsStopping: true,
      limits:
        'no limit on slow requests; while it stops, it accepts connections until the requests in progress are answered',
    },
    {
      name: 'workerd',
      version: workerd.version,
      command: {
        program: workerd.program,
        args: ['serve', 'workerd.capnp', '--socket-addr', `http=${HOST}:0`, '--control-fd=1'],
        cwd: edgeFolder,
      },
      script: null,
      reportsStopping: false,
      limits:
        'no TLS to Cassandra, and contact points must be IP addresses; no SIGTERM, so `/readyz` does not fail before the end and background writes are not completed; no limit on slow bodies; a clock of milliseconds',
    },
  ];
}

/** The URL in the line in which a process reports that it listens; null for other lines. */
export function urlIn(line: string): string | null {
  const logged = /"Listening at (http:[^"]+)"/.exec(line)?.[1];
  if (logged !== undefined) return logged;
  // The report of workerd.
  const port = /^\{"event":"listen".*"port":(\d+)/.exec(line)?.[1];
  return port === undefined ? null : `http://${HOST}:${port}`;
}

/** Installs the locked versions of the runtimes, unless they are installed. */
export function installRuntimes(): void {
  const lock = versionsIn('package-lock.json');
  if (lock === versionsIn(join('node_modules', '.package-lock.json'))) return;
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: runtimesFolder,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`The runtimes can't be installed: npm ci in ${runtimesFolder} failed.`);
}

/** The packages and versions in a lockfile, as text; null if the file does not exist. */
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
