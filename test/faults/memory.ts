import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const EVERY_MS = 100;

const PAGE_BYTES = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));

/** The resident memory of a process in whole megabytes, looked at ten times a second until it is told to end. */
export function memoryOf(pid: number): { end(): { beganMb: number; mostMb: number } } {
  const file = `/proc/${pid}/statm`;
  const look = (): number => {
    // Of a process that has ended there is nothing.
    const pages = existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[1]) : 0;
    return Math.round((pages * PAGE_BYTES) / 2 ** 20);
  };
  const beganMb = look();
  let mostMb = beganMb;
  const timer = setInterval(() => (mostMb = Math.max(mostMb, look())), EVERY_MS).unref();
  return {
    end() {
      clearInterval(timer);
      return { beganMb, mostMb: Math.max(mostMb, look()) };
    },
  };
}
