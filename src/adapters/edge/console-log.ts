import type { Log } from '../../application/ports/log.ts';

/** The log levels in ascending order: a level excludes all levels before it. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** A log that writes JSON lines, as on other hosts, to the console: the edge has no other output. */
export function makeConsoleLog(level: string, console: Pick<Console, 'log'> = globalThis.console): Log {
  const at = (name: string) => (fields: object, message: string) => {
    if (LEVELS.indexOf(name) < LEVELS.indexOf(level)) return;
    const time = new Date().toISOString();
    console.log(JSON.stringify({ level: name, time, ...fields, msg: message }, withErrors));
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

/** A JSON replacer for errors, whose properties `JSON.stringify` omits. */
function withErrors(_name: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name: type, message, stack, cause } = value;
  return { type, message, stack, ...(cause !== undefined && { cause }) };
}
