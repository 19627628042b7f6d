import { readFileSync } from 'node:fs';

/** A clock tick of /proc, on every Linux. */
const TICK_MS = 10;

/** The processor time that a process has used so far, in milliseconds: user and system. */
export function processorMs(pid: number): number {
  // The name of the program is in parentheses, and may contain anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
