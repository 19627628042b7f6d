import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { endWithThisProcess } from '../../scripts/local-cassandra/processes.ts';
import { residentMb } from '../support/resident-memory.ts';
import { LISTENING, urlIn, type Runtime } from './runtimes.ts';

/** A ready process of the service on one runtime. */
export interface RunningService {
  readonly url: string;
  /** Milliseconds from the start of the process until it was ready. */
  readonly readyAfterMs: number;
  /** Its current resident memory, in MB. */
  readonly residentMb: () => number;
  /** The last lines of its output, five by default. */
  readonly lastLines: (most?: number) => string;
  /** Sends a signal. Resolves with the exit code; null if a signal ended the process. */
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<number | null>;
}

const READY_WITHIN_MS = 60_000;

/**
 * Starts the service, which ends with this process. It is ready when `probe` returns 200. Rejects if that takes longer than a
 * minute.
 */
export async function startService(
  { name, command }: Runtime,
  settings: Readonly<Record<string, string>>,
  probe = '/readyz',
): Promise<RunningService> {
  const begun = performance.now();
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    // Only the variables that locate programs and caches, so that no setting of this process affects the service.
    // The contract has no web client.
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      WEB_CLIENT: 'off',
      ...LISTENING,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const watchdog = endWithThisProcess(child.pid!);
  const lines: string[] = [];
  const lastLines = (most = 5): string => lines.slice(-most).join('\n');
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      watchdog.kill();
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

/** Polls `probe`, since not every runtime reports when it is ready. */
async function ready(probe: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answer = await fetch(probe);
    await answer.text();
    if (answer.status === 200) return;
    await pause(10);
  }
}
