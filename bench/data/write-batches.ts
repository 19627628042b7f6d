import type { Client } from 'cassandra-driver';
import type { Statement } from '../../src/adapters/cassandra/session.ts';

/** The number of concurrent batches. */
const IN_FLIGHT = 48;

/** Writes batches, each to one partition, as fast as the database accepts them. */
export async function writeBatches(client: Client, batches: Iterable<readonly Statement[]>): Promise<void> {
  const queue = batches[Symbol.iterator]();
  const write = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const statements = next.value as { query: string; params: unknown[] }[];
      await client.batch(statements, { prepare: true, logged: false, isIdempotent: true });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, write));
}
