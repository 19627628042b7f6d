import { residentMb } from '../support/resident-memory.ts';

const EVERY_MS = 100;

/** Samples the resident memory of a process ten times per second until `end`, in whole megabytes. */
export function memoryOf(pid: number): { end(): { beganMb: number; mostMb: number } } {
  const beganMb = residentMb(pid);
  let mostMb = beganMb;
  const timer = setInterval(() => (mostMb = Math.max(mostMb, residentMb(pid))), EVERY_MS).unref();
  return {
    end() {
      clearInterval(timer);
      return { beganMb, mostMb: Math.max(mostMb, residentMb(pid)) };
    },
  };
}
