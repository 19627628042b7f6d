import { residentMb } from '../support/resident-memory.ts';

const EVERY_MS = 100;

/** The most resident memory that a process has, in whole megabytes, looked at ten times a second until told to end. */
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
