import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cassandraFolder, projectFolder } from '../scripts/local-cassandra/project.ts';
import { endWithThisProcess } from '../scripts/local-cassandra/processes.ts';

export type Environment = Readonly<Record<string, string>>;

/** The measured servers, as built files, like the service in production. */
const SERVERS = {
  service: ['src/main.node.js'],
  baseline: ['bench/servers/main.js', 'baseline'],
  naive: ['bench/servers/main.js', 'naive'],
  hono: ['bench/servers/main.js', 'hono'],
  node: ['bench/servers/main.js', 'node'],
} as const;

export type ServerKind = keyof typeof SERVERS;

/** A server in a process of its own. It ends with this process. */
export interface Server {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Builds the service, as `npm run build` does, and the servers of `bench/`. */
export async function build(): Promise<void> {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const child = spawn(process.execPath, [compiler, '-p', join(projectFolder, 'bench')], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error('building bench/ failed');
}

const READY_TIMEOUT_MS = 60_000;

/**
 * Starts a server with `environment`; resolves when its log says that it is ready. Its log goes to a file, as in
 * production.
 */
export async function startServer(kind: ServerKind, environment: Environment): Promise<Server> {
  mkdirSync(cassandraFolder, { recursive: true });
  const folder = mkdtempSync(join(cassandraFolder, `bench-${kind}-`));
  const logFile = join(folder, 'log');
  const output = openSync(logFile, 'w');
  const [script, ...args] = SERVERS[kind];
  const child = spawn(process.execPath, [join(projectFolder, 'dist', script), ...args], {
    cwd: projectFolder,
    // The settings of the caller are not inherited.
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: '0', ...environment },
    stdio: ['ignore', output, output],
    // A separate process group: Ctrl-C reaches it only through this process.
    detached: true,
  });
  closeSync(output);
  const exited = once(child, 'exit');
  const watchdog = endWithThisProcess(child.pid!);
  void exited.then(() => watchdog.kill());
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const log = readFileSync(logFile, 'utf8');
    const url = /Ready at (http:[^", ]+)/.exec(log)?.[1];
    if (url !== undefined) return { url, pid: child.pid!, stop };
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop();
      throw new Error(`${kind} did not become ready:\n${log}`);
    }
    await pause(50);
  }
}
