import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { tieToThisProcess } from '../scripts/local-cassandra/processes.ts';
import { projectFolder } from '../scripts/local-cassandra/project-folder.ts';
import type { LoadOrder, LoadReport } from './load/request.ts';

/** The servers that are measured, and the load generator: built files, as the service is when people run it. */
export const built = (path: string): string => join(projectFolder, 'dist', path);

export const SERVERS = {
  service: built('src/main.node.js'),
  floor: built('bench/floor/server.js'),
  memoryFloor: built('bench/floor/memory-server.js'),
  usual: built('bench/usual/server.js'),
} as const;

export type Environment = Readonly<Record<string, string>>;

/** A process that ends with this one. */
interface Tied {
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** A server in a process of its own. */
export interface Server extends Tied {
  readonly url: string;
  /** The last lines of its log. */
  readonly said: readonly string[];
}

function start(
  file: string,
  environment: Environment,
  flags: readonly string[],
  output: 'pipe' | 'inherit',
): Tied {
  const child = fork(file, {
    cwd: projectFolder,
    // No setting of the caller gets in.
    env: { PATH: process.env['PATH'], ...environment },
    execArgv: [...flags],
    stdio: ['ignore', output, 'inherit', 'ipc'],
    // A Ctrl-C reaches it through this process alone.
    detached: true,
  });
  const ended = once(child, 'exit');
  const tie = tieToThisProcess(child.pid!);
  void ended.then(() => tie.kill());
  return {
    child,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Enough to tell why it failed. */
const LINES_KEPT = 10;

/** Starts a server with `environment`; resolves when it says that it is ready. */
export async function startServer(
  kind: keyof typeof SERVERS,
  environment: Environment,
  flags: readonly string[] = [],
): Promise<Server> {
  const tied = start(SERVERS[kind], { HOST: '127.0.0.1', PORT: '0', ...environment }, flags, 'pipe');
  const said: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    const lines = createInterface(tied.child.stdout!);
    lines.on('line', (line) => {
      said.push(line);
      if (said.length > LINES_KEPT) said.shift();
      const ready = /Ready at (http:[^", ]+)/.exec(line)?.[1];
      if (ready !== undefined) resolve(ready);
    });
    lines.on('close', () => reject(new Error(`${kind} ended before it was ready:\n${said.join('\n')}`)));
  });
  return { ...tied, url, said };
}

/** A load generator. It takes one order at a time. */
export interface LoadGenerator extends Tied {
  load(order: LoadOrder): Promise<LoadReport>;
}

/** Starts a load generator. */
export function startGenerator(): LoadGenerator {
  const tied = start(built('bench/load/generator.js'), {}, [], 'inherit');
  return {
    ...tied,
    async load(order) {
      tied.child.send(order);
      const [report] = (await once(tied.child, 'message')) as [LoadReport | { failed: string }];
      if ('failed' in report) throw new Error(report.failed);
      return report;
    },
  };
}
