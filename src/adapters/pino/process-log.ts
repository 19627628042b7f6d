import { pino, type DestinationStream, type Logger } from 'pino';
import type { Build } from '../../application/ports/build.ts';

/** Lines go out together, since each write costs as much as the answer that its line is about… */
const TOGETHER_BYTES = 8 * 1024;

/** …but none waits longer than this. */
const LONGEST_WAIT_MS = 100;

export interface ProcessLog {
  readonly log: Logger;
  /** Writes what waits to be written; nothing else may be left to do, as it holds up the process. */
  readonly flush: () => void;
}

/**
 * The log of a process, on its standard output: a line of JSON for each entry, or what people like to read, which
 * `auto` chooses for a terminal.
 */
export async function openProcessLog(needs: {
  readonly level: string;
  readonly format: 'auto' | 'json' | 'pretty';
  readonly build: Build;
}): Promise<ProcessLog> {
  const { level, format, build } = needs;
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  if (isPretty) {
    const { build: pretty } = await import('pino-pretty');
    const stream = pretty({ sync: true, ignore: 'version,commit', translateTime: 'SYS:HH:MM:ss.l' });
    return { log: makeLog(level, build, stream), flush: () => undefined };
  }
  const stream = pino.destination({ sync: false, minLength: TOGETHER_BYTES });
  const flush = (): void => {
    try {
      stream.flushSync();
    } catch {
      // Where standard output is closed, or was never opened, there is nobody to tell.
    }
  };
  setInterval(() => {
    stream.flush();
  }, LONGEST_WAIT_MS).unref();
  return { log: makeLog(level, build, stream), flush };
}

function makeLog(level: string, build: Build, stream: DestinationStream): Logger {
  return pino(
    {
      level,
      base: build.commit === null ? { version: build.version } : build,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}
