import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { endWithThisProcess } from '../../scripts/local-cassandra/processes.ts';
import { projectFolder } from '../../scripts/local-cassandra/project.ts';

/** The environment variables of a process. It inherits only PATH, so that no setting of this process affects it. */
export type Environment = Readonly<Record<string, string>>;

/** How a process ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Milliseconds from the signal that ended it, or from its start if there was none. */
  readonly took: number;
}

/** One process of the built service. */
export interface Service {
  readonly pid: number;
  /** Its URL; empty until it listens. */
  readonly url: string;
  /** The lines that it has printed so far. */
  readonly lines: readonly string[];
  readonly ended: Promise<End>;
  /** Resolves with the first printed line that matches `what`. Rejects if the process ends without one, or after a minute. */
  logged(what: RegExp): Promise<string>;
  /** SIGKILL. */
  kill(): Promise<End>;
  /** SIGTERM. */
  terminate(): Promise<End>;
  /** SIGSTOP: the process does nothing, and its connections stay open. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

const path = { PATH: process.env['PATH'] };

const LOG_WITHIN_MS = 60_000;

/** Starts the service in `dist/`. It ends with this process. */
export function startService(environment: Environment): Service {
  const begun = performance.now();
  const child = spawn(process.execPath, [join(projectFolder, 'dist', 'src', 'main.node.js')], {
    cwd: projectFolder,
    env: { ...path, HOST: '127.0.0.1', PORT: '0', STORAGE: 'cassandra', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const watchdog = endWithThisProcess(child.pid!);
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  let signalled = begun;
  let url = '';
  let hasEnded = false;

  const onLine = (line: string): void => {
    lines.push(line);
    url ||= /"Listening at (http:[^"]+)"/.exec(line)?.[1] ?? '';
    for (const listener of listeners) listener();
  };
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', onLine);

  const ended = new Promise<End>((resolve) => {
    // Unlike 'exit', 'close' comes after the last line.
    child.once('close', (code, signal) => {
      hasEnded = true;
      watchdog.kill();
      resolve({ code, signal, took: performance.now() - signalled });
      for (const listener of listeners) listener();
    });
  });

  const end = (signal: NodeJS.Signals): Promise<End> => {
    signalled = performance.now();
    child.kill(signal);
    return ended;
  };

  return {
    pid: child.pid!,
    get url() {
      return url;
    },
    lines,
    ended,
    logged(what) {
      return new Promise((resolve, reject) => {
        const finish = (): void => {
          clearTimeout(timer);
          listeners.delete(look);
        };
        const fail = (why: string): void => {
          finish();
          reject(
            new Error(`the service ${why} without a line like ${what}:\n${lines.slice(-10).join('\n')}`),
          );
        };
        // Under load there is a line for each request, so each line is checked once.
        let seen = 0;
        const look = (): void => {
          const line = lines.slice(seen).find((text) => what.test(text));
          seen = lines.length;
          if (line !== undefined) {
            finish();
            resolve(line);
          } else if (hasEnded) {
            fail('ended');
          }
        };
        const timer = setTimeout(() => fail('went on for a minute'), LOG_WITHIN_MS);
        listeners.add(look);
        look();
      });
    },
    kill: () => end('SIGKILL'),
    terminate: () => end('SIGTERM'),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  };
}

/** Runs a script in `scripts/`. Resolves with its exit code and output. */
export async function runScript(
  name: string,
  args: readonly string[],
  environment: Environment,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join('scripts', `${name}.ts`), ...args], {
    cwd: projectFolder,
    env: { ...path, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}
