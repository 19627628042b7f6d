import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** The command line of a living process, or null. */
export function commandLine(pid: number): string | null {
  try {
    const line = existsSync('/proc/self/cmdline')
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return line.trim() || null;
  } catch {
    return null;
  }
}

/**
 * Ends another process when this one ends, however that happens, SIGKILL included: a small shell reads from a pipe
 * that only this process holds open. Kill the returned shell when the other process has ended by itself.
 */
export function tieToThisProcess(pid: number): ChildProcess {
  const script = 'read -r _; kill -CONT "$0"; kill -TERM "$0"';
  // Detached, so that Ctrl-C, which goes to the whole group of a terminal, does not end the shell first.
  return spawn('/bin/sh', ['-c', script, String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
}
