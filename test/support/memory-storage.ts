import { makeMemoryStorage, type MemoryStorageOptions } from '../../src/adapters/memory/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { Storage } from '../../src/application/ports/storage.ts';

/** Retentions that no test outlives, whatever time it plays at. */
export const LONG_RETENTION_DAYS = 1_800;

/** The host's clock for which nothing is ever late: for tests whose ids come from other times. */
export function timelessClock(): Clock {
  const clock = makeClock();
  return { now: () => clock.now(), latest: () => 0 };
}

/** Storage in memory as the service has it, but for what `options` says. */
export function memoryStorage(options: Partial<MemoryStorageOptions> = {}): Storage {
  const clock = options.clock ?? makeClock();
  return makeMemoryStorage({
    clock,
    messageIds: makeMessageIds({ clock }),
    limits: { requestTimeout: 5_000_000, maxClockSkew: 2_000_000 },
    eventRetentionDays: LONG_RETENTION_DAYS,
    keyRetentionDays: 30,
    ...options,
  });
}
