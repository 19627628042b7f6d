import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { tieToThisProcess } from '../../scripts/local-cassandra/processes.ts';
import { residentMb } from '../support/resident-memory.ts';
import { LISTENING, urlIn, type Runtime } from './runtimes.ts';

/** The service as a process on some runtime, ready to serve. */
export interface RunningService {
  readonly url: string;
  /** From the start of the process until it was ready. */
  readonly readyAfterMs: number;
  /** Memory that it holds at present, in MB. */
  readonly residentMb: () => number;
  /** The last that it printed: five lines, or so many. */
  readonly lastLines: (most?: number) => string;
  /** SIGTERM, or SIGKILL: the exit code, null where a signal ended it. */
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<number | null>;
}

const READY_WITHIN_MS = 60_000;

/**
 * Starts the service; it ends with this process. Rejects where it is not ready within a minute, which is when it answers
 * `probe` with 200.
 */
export async function startService(
  { name, command }: Runtime,
  settings: Readonly<Record<string, string>>,
  probe = '/readyz',
): Promise<RunningService> {
  const begun = performance.now();
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    // Of this process's environment nothing but what finds programs and their caches, so that no setting gets in.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...LISTENING, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const tie = tieToThisProcess(child.pid!);
  const lines: string[] = [];
  const lastLines = (most = 5): string => lines.slice(-most).join('\n');
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      tie.kill();
      resolve(code);
    });
  });
  const listening = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        lines.push(line);
        const url = urlIn(line);
        if (url !== null) resolve(url);
      });
    }
  });
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };

  const timeout = new AbortController();
  const failed = Promise.race([
    ended.then((code) => `ended with ${code}`),
    pause(READY_WITHIN_MS, 'was not ready within a minute', { signal: timeout.signal }),
  ]).then((why) => {
    throw new Error(`${name} ${why}:\n${lastLines()}`);
  });
  failed.catch(() => {});
  try {
    const url = await Promise.race([listening, failed]);
    await Promise.race([ready(`${url}${probe}`, timeout.signal), failed]);
    return {
      url,
      readyAfterMs: performance.now() - begun,
      residentMb: () => residentMb(child.pid!),
      lastLines,
      end,
    };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  } finally {
    timeout.abort();
  }
}

/** Asks until it is secrets so: not every runtime says by itself when it is ready. */
async function ready(probe: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answer = await fetch(probe);
    await answer.text();
    if (answer.status === 200) return;
    await pause(10);
  }
}
