import assert from 'node:assert/strict';
import { pino } from 'pino';
import type { Log } from '../../src/application/ports/log.ts';

/*
 * The registered secrets and the log lines of a test file. No line may contain a secret; `logs.setup.ts` checks this for
 * every file of the run.
 */

/** Shorter texts occur in lines by chance. */
const SHORTEST_SECRET = 6;

const secrets = new Set<string>();
const lines: string[] = [];

/** Registers a text that no log may contain: contents, tokens, keys and user ids. */
export function registerSecret(...texts: readonly unknown[]): void {
  for (const text of texts) {
    if (typeof text === 'string' && text.trim().length >= SHORTEST_SECRET) secrets.add(text.trim());
  }
}

/** Records a log line. */
export function recordLogLine(line: string): void {
  lines.push(line);
}

/** A log like that of the service, at every level, with recorded lines. */
export const guardedLog: Log = pino({ level: 'trace', base: null }, { write: recordLogLine });

/** Fails if a line contains a registered secret. */
export function assertNoSecretInLog(): void {
  const text = lines.join('');
  for (const secret of secrets) {
    // Unchanged, and with JSON escapes.
    for (const form of [secret, JSON.stringify(secret).slice(1, -1)]) {
      if (text.includes(form)) {
        assert.fail(`the log holds ${secret}: ${lines.find((line) => line.includes(form))}`);
      }
    }
  }
}
