import assert from 'node:assert/strict';
import { pino } from 'pino';
import type { Log } from '../../src/application/ports/log.ts';

/*
 * What was said in confidence in this file of tests, and what was logged meanwhile. They may have nothing in common:
 * `logs.setup.ts` holds every file of the run to it.
 */

/** Shorter texts stand in lines by chance. */
const SHORTEST_SECRET = 6;

const secrets = new Set<string>();
const lines: string[] = [];

/** Notes what nobody is to find in a log: contents, tokens, keys, and who the users are. */
export function registerSecret(...texts: readonly unknown[]): void {
  for (const text of texts) {
    if (typeof text === 'string' && text.trim().length >= SHORTEST_SECRET) secrets.add(text.trim());
  }
}

/** Notes a line of a log. */
export function recordLogLine(line: string): void {
  lines.push(line);
}

/** A log as the service has it, at every level, whose lines are noted. */
export const guardedLog: Log = pino({ level: 'trace', base: null }, { write: recordLogLine });

/** Fails where a line holds anything that was said in confidence. */
export function assertNoSecretInLog(): void {
  const text = lines.join('');
  for (const secret of secrets) {
    // As it is, and as JSON writes it.
    for (const form of [secret, JSON.stringify(secret).slice(1, -1)]) {
      if (text.includes(form)) {
        assert.fail(`the log holds ${secret}: ${lines.find((line) => line.includes(form))}`);
      }
    }
  }
}
