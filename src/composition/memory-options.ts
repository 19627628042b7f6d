import type { MemoryStorageOptions } from '../adapters/memory/storage.ts';
import { latenessLimits } from '../domain/event.ts';
import type { Config } from './config.ts';

/** The options of memory storage in `config`. They have the names of Cassandra's, for which the same settings hold. */
export function memoryOptionsOf({
  cassandra,
}: Pick<Config, 'cassandra'>): Omit<MemoryStorageOptions, 'clock' | 'messageIds'> {
  return {
    limits: latenessLimits(cassandra),
    eventRetentionDays: cassandra.eventRetentionDays,
    keyRetentionDays: cassandra.keyRetentionDays,
  };
}
