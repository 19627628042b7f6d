import type { Log } from '../../application/ports/log.ts';

/** The levels of a log, each with those that it leaves out before it. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** A log in lines of JSON, as on other hosts, by the console, which is all that there is at the edge. */
export function makeConsoleLog(level: string, console: Pick<Console, 'log'> = globalThis.console): Log {
  const at = (name: string) => (fields: object, sentence: string) => {
    if (LEVELS.indexOf(name) < LEVELS.indexOf(level)) return;
    const time = new Date().toISOString();
    console.log(JSON.stringify({ level: name, time, ...fields, msg: sentence }, withErrors));
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

/** Errors have nothing that JSON shows by itself. */
function withErrors(_name: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name: type, message, stack, cause } = value;
  return { type, message, stack, ...(cause !== undefined && { cause }) };
}
