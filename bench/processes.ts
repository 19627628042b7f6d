import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { tieToThisProcess } from '../scripts/local-cassandra/processes.ts';
import { projectFolder } from '../scripts/local-cassandra/project.ts';
import type { LoadOrder, LoadReport } from './load/request.ts';

/** The servers that are measured, and the load generator: built files, as the service is when people run it. */
export const built = (path: string, folder = projectFolder): string => join(folder, 'dist', path);

export const SERVERS = {
  service: 'src/main.node.js',
  floor: 'bench/floor/server.js',
  memoryFloor: 'bench/floor/memory-server.js',
  usual: 'bench/usual/server.js',
  variant: 'bench/variants/server.js',
} as const;

export type Environment = Readonly<Record<string, string>>;

/** What runs a process: this Node unless another is named, with no flags unless there are some. */
export interface Host {
  readonly node?: string;
  readonly flags?: readonly string[];
  /** Where the project is installed for it; this one unless another is named. */
  readonly folder?: string;
}

/** A process that ends with this one. */
interface Tied {
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** A server in a process of its own. */
export interface Server extends Tied {
  readonly url: string;
  /** The last of its log. */
  readonly lastWords: () => string;
}

function start(
  path: string,
  environment: Environment,
  { flags = [], node = process.execPath, folder = projectFolder }: Host,
  output: 'pipe' | 'inherit',
): Tied {
  const child = fork(built(path, folder), {
    cwd: folder,
    // No setting of the caller gets in.
    env: { PATH: process.env['PATH'], ...environment },
    execPath: node,
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

/** So many characters of a log are enough to tell why a server failed. */
const MOST_KEPT = 4_096;

/** Starts a server with `environment`; resolves when it says that it is ready. */
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
      // A line for each request is not to be looked at here, on the processors that are measured.
      text = isReady && text.length > MOST_KEPT ? part : text + part;
      if (isReady) return;
      const ready = /Ready at (http:[^", ]+)/.exec(text)?.[1];
      if (ready === undefined) return;
      isReady = true;
      resolve(ready);
    });
    tied.child.stdout!.on('close', () => reject(new Error(`${kind} ended before it was ready:\n${text}`)));
  });
  return { ...tied, url, lastWords: () => text };
}

/** A load generator. It takes one order at a time. */
export interface LoadGenerator extends Tied {
  load(order: LoadOrder): Promise<LoadReport>;
  /** Requests that were turned away so far: while there are any, a server has fewer clients than it seems. */
  readonly turnedAway: () => number;
}

/** Starts a load generator. */
export function startGenerator(): LoadGenerator {
  const tied = start('bench/load/generator.js', {}, {}, 'inherit');
  let turnedAway = 0;
  return {
    ...tied,
    turnedAway: () => turnedAway,
    async load(order) {
      tied.child.send(order);
      const [report] = (await once(tied.child, 'message')) as [LoadReport | { failed: string }];
      if ('failed' in report) throw new Error(report.failed);
      turnedAway += report.turnedAway;
      return report;
    },
  };
}
