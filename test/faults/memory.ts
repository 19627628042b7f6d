import { residentMb } from '../support/resident-memory.ts';

const EVERY_MS = 100;

/** Samples the resident memory of a process ten times per second until `end`, in whole megabytes. */
export function memoryOf(pid: number): { end(): { startMb: number; maxMb: number } } {
  const startMb = residentMb(pid);
  let maxMb = startMb;
  const timer = setInterval(() => (maxMb = Math.max(maxMb, residentMb(pid))), EVERY_MS).unref();
  return {
    end() {
      clearInterval(timer);
      return { startMb, maxMb: Math.max(maxMb, residentMb(pid)) };
    },
  };
}
