import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { Build } from '../../application/ports/build.ts';

/**
 * Lines are buffered, since one write costs as much as handling a request; a timer bounds the delay. A piece fits in a pipe
 * (64 KiB).
 */
const BUFFER_BYTES = 32 * 1024;
const MAX_WRITE_BYTES = 48 * 1024;
const FLUSH_INTERVAL_MS = 100;

/** The limit of the buffer while standard output is not read. Further lines are dropped, to protect the process. */
const MAX_BUFFERED_BYTES = 16 * 2 ** 20;

/** How long `close` waits for the reader of standard output. */
const CLOSE_TIMEOUT_MS = 500;

export interface ProcessLog {
  readonly log: Logger;
  /**
   * Writes the buffered lines within `CLOSE_TIMEOUT_MS`. An exit without it waits for the reader, and may lose the piece that
   * is being written.
   */
  readonly close: () => Promise<void>;
}

/**
 * The log of a process on its standard output. `json` writes a line of JSON for each entry, `pretty` writes text for
 * people, and `auto` is `pretty` on a terminal and `json` otherwise.
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
      messageFormat: prettyMessage,
    });
    return { log: makeLog(level, build, stream), close: () => Promise.resolve() };
  }
  const stream = pino.destination({
    sync: false,
    minLength: BUFFER_BYTES,
    maxWrite: MAX_WRITE_BYTES,
    maxLength: MAX_BUFFERED_BYTES,
    periodicFlush: FLUSH_INTERVAL_MS,
  });
  const log = makeLog(level, build, stream);
  let lost = 0;
  stream.on('drop', () => (lost += 1));
  stream.on('drain', () => {
    if (lost === 0) return;
    log.warn({ lost }, 'Log lines were lost because standard output was not read.');
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
      await Promise.race([written, pause(CLOSE_TIMEOUT_MS)]);
    },
  };
}

/** The message of a line; for a request, its method, route, status and duration. */
function prettyMessage(line: Record<string, unknown>, key: string): string {
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
