import type { MemoryStorageOptions } from '../adapters/memory/storage.ts';
import { latenessLimits } from '../domain/event.ts';
import type { Config } from './config.ts';

/** The options of memory storage in `config`. The same variables configure Cassandra, so they are in `config.cassandra`. */
export function memoryOptionsOf({
  cassandra,
}: Pick<Config, 'cassandra'>): Omit<MemoryStorageOptions, 'clock' | 'messageIds'> {
  return {
    limits: latenessLimits(cassandra),
    eventRetentionDays: cassandra.eventRetentionDays,
    keyRetentionDays: cassandra.keyRetentionDays,
  };
}
