import { onTestFinished } from 'vitest';

/** Collects unhandled rejections until the test finishes; otherwise vitest would fail the run. Node ends a process with one. */
export function unhandledRejections(): readonly unknown[] {
  const reasons: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  const record = (reason: unknown): void => void reasons.push(reason);
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', record);
  onTestFinished(() => {
    process.off('unhandledRejection', record);
    for (const other of others) process.on('unhandledRejection', other);
  });
  return reasons;
}
