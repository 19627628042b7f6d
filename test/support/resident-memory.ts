import { existsSync, readFileSync } from 'node:fs';

/** The resident memory of a process in whole megabytes; 0 if it has ended. Linux only. */
export function residentMb(pid: number): number {
  const file = `/proc/${pid}/status`;
  const status = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
}
