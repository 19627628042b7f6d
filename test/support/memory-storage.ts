import { makeMemoryStorage, type MemoryStorageOptions } from '../../src/adapters/memory/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { Storage } from '../../src/application/ports/storage.ts';

/** Retentions that are longer than any time span of a test. */
export const LONG_RETENTION_DAYS = 1_800;

/** A clock for which no message is late, for tests with ids from other times. */
export function timelessClock(): Clock {
  const clock = makeClock();
  return { now: () => clock.now(), latest: () => 0 };
}

/** Memory storage like that of the service, with the changes in `options`. */
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
