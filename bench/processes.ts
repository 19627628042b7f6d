import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { tieToThisProcess } from '../scripts/local-cassandra/processes.ts';
import { projectFolder } from '../scripts/local-cassandra/project.ts';
import type { LoadOrder, LoadReport } from './load/request.ts';

/** The measured servers and the load generator, as built files, like the service in production. */
export const built = (path: string, folder = projectFolder): string => join(folder, 'dist', path);

export const SERVERS = {
  service: 'src/main.node.js',
  baseline: 'bench/baseline/server.js',
  memoryBaseline: 'bench/baseline/memory-server.js',
  naive: 'bench/naive/server.js',
  variant: 'bench/variants/server.js',
} as const;

export type Environment = Readonly<Record<string, string>>;

/** The runtime of a process; default: this Node, without flags. */
export interface Host {
  readonly node?: string;
  readonly flags?: readonly string[];
  /** The folder of the installation; default: this project. */
  readonly folder?: string;
}

/** A child process that ends with this process. */
interface Tied {
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** A server in a separate process. */
export interface Server extends Tied {
  readonly url: string;
  /** The end of its log. */
  readonly lastLogs: () => string;
}

function start(
  path: string,
  environment: Environment,
  { flags = [], node = process.execPath, folder = projectFolder }: Host,
  output: 'pipe' | 'inherit',
): Tied {
  const child = fork(built(path, folder), {
    cwd: folder,
    // The settings of the caller are not inherited.
    env: { PATH: process.env['PATH'], ...environment },
    execPath: node,
    execArgv: [...flags],
    stdio: ['ignore', output, 'inherit', 'ipc'],
    // A separate process group: Ctrl-C reaches it only through this process.
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

/** The number of log characters to keep for diagnosis. */
const MOST_KEPT = 4_096;

/** Starts a server with `environment`; resolves when it logs that it is ready. */
export async function startServer(
  kind: keyof typeof SERVERS,
  environment: Environment,
  host: Host = {},
): Promise<Server> {
  const tied = start(SERVERS[kind], { HOST: '127.0.0.1', PORT: '0', ...environment }, host, 'pipe');
  let text = '';
  let isReady = false;
  const url = await new Promise<string>((resolve, reject) => {
    tied.child.stdout!.setEncoding('utf8').on('data', (part: string) => {
      // Parsing a log line for each request would take CPU from the measured servers.
      text = isReady && text.length > MOST_KEPT ? part : text + part;
      if (isReady) return;
      const ready = /Ready at (http:[^", ]+)/.exec(text)?.[1];
      if (ready === undefined) return;
      isReady = true;
      resolve(ready);
    });
    tied.child.stdout!.on('close', () => reject(new Error(`${kind} exited before it was ready:\n${text}`)));
  });
  return { ...tied, url, lastLogs: () => text };
}

/** A load generator. It accepts one order at a time. */
export interface LoadGenerator extends Tied {
  load(order: LoadOrder): Promise<LoadReport>;
  /** Rejected requests so far. If there are any, a server has fewer effective clients. */
  readonly rejected: () => number;
}

/** Starts a load generator. */
export function startGenerator(): LoadGenerator {
  const tied = start('bench/load/generator.js', {}, {}, 'inherit');
  let rejected = 0;
  return {
    ...tied,
    rejected: () => rejected,
    async load(order) {
      tied.child.send(order);
      const [report] = (await once(tied.child, 'message')) as [LoadReport | { failed: string }];
      if ('failed' in report) throw new Error(report.failed);
      rejected += report.rejected;
      return report;
    },
  };
}
