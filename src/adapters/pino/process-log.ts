import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { Build } from '../../application/ports/build.ts';

/** Lines go out together, since each write costs as much as the answer that its line is about; none waits for long. */
const TOGETHER_BYTES = 8 * 1024;
const LONGEST_WAIT_MS = 100;

/** What may wait while nobody reads: further lines are lost, rather than the process. */
const MOST_WAITING_BYTES = 16 * 2 ** 20;

/** How long closing waits for whoever reads. */
const CLOSE_WITHIN_MS = 500;

export interface ProcessLog {
  readonly log: Logger;
  /** Writes what waits to be written, within a bounded time. What ends without it writes only as much as can be at once. */
  readonly close: () => Promise<void>;
}

/**
 * The log of a process, on its standard output: a line of JSON for each entry, or what people like to read, which
 * `auto` chooses for a terminal.
 */
export async function openProcessLog(deps: {
  readonly level: string;
  readonly format: 'auto' | 'json' | 'pretty';
  readonly build: Build;
}): Promise<ProcessLog> {
  const { level, format, build } = deps;
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  if (isPretty) {
    const { build: pretty } = await import('pino-pretty');
    const stream = pretty({
      sync: true,
      translateTime: 'SYS:HH:MM:ss.l',
      singleLine: true,
      ignore: 'pid,version,commit,method,route,status,durationMs',
      messageFormat: forPeople,
    });
    return { log: makeLog(level, build, stream), close: () => Promise.resolve() };
  }
  const stream = pino.destination({
    sync: false,
    minLength: TOGETHER_BYTES,
    maxLength: MOST_WAITING_BYTES,
    periodicFlush: LONGEST_WAIT_MS,
  });
  const log = makeLog(level, build, stream);
  let lost = 0;
  stream.on('drop', () => (lost += 1));
  stream.on('drain', () => {
    if (lost === 0) return;
    log.warn({ lost }, 'Lines of this log were lost: nobody was reading it.');
    lost = 0;
  });
  return {
    log,
    async close() {
      const written = new Promise<void>((resolve) => {
        stream.flush(() => {
          resolve();
        });
      });
      await Promise.race([written, pause(CLOSE_WITHIN_MS)]);
    },
  };
}

/** The sentence of a line; for a request, what was asked and what became of it. */
function forPeople(line: Record<string, unknown>, key: string): string {
  const { method, route, status, durationMs } = line as Record<string, string | number | null | undefined>;
  return method === undefined
    ? String(line[key])
    : `${method} ${route ?? '(no route)'} → ${status} in ${durationMs} ms`;
}

function makeLog(level: string, { version, commit }: Build, stream: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid, version, ...(commit !== null && { commit }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}
