import { randomUUID } from 'node:crypto';
import type { Client } from 'cassandra-driver';
import { inject, onTestFinished } from 'vitest';
import { readMigrations } from '../../scripts/migrations.ts';
import { makeClient, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { migrate } from '../../src/adapters/cassandra/migrate.ts';
import { openCassandraStorage, type CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import { LONG_RETENTION_DAYS } from '../support/memory-storage.ts';
import { guardedLog } from '../support/log-leak-guard.ts';

/** The options for `keyspace` on the Cassandra of these tests. */
export function optionsFor(keyspace: string): CassandraOptions {
  const { contactPoints, localDatacenter } = inject('cassandra');
  return {
    contactPoints,
    localDatacenter,
    keyspace,
    credentials: null,
    tlsCa: null,
    tlsClient: null,
    consistency: { read: 'LOCAL_QUORUM', write: 'LOCAL_QUORUM', serial: 'LOCAL_SERIAL' },
    maxClockSkewMs: 2_000,
    // Generous, because a busy host may be slow.
    requestTimeoutMs: 20_000,
    eventRetentionDays: LONG_RETENTION_DAYS,
    keyRetentionDays: 30,
  };
}

/** Creates and migrates a new keyspace. */
export async function freshKeyspace(): Promise<CassandraOptions> {
  const options = optionsFor(`test_${randomUUID().slice(0, 8)}`);
  await migrate({ options, replicationFactor: 1, migrations: readMigrations(), report: () => undefined });
  return options;
}

/** Opens storage over `options`, like a separate process. The caller closes it. */
export async function openStorage(
  options: CassandraOptions,
  client?: Client,
  clock: Clock = makeClock(),
): Promise<CassandraStorage> {
  const storage = openCassandraStorage({
    options,
    clock,
    messageIds: makeMessageIds({ clock }),
    log: guardedLog,
    ...(client && { client }),
  });
  await storage.started;
  return storage;
}

/** A CQL client, closed when the test finishes. */
export async function openClient(options: CassandraOptions): Promise<Client> {
  const client = makeClient(options);
  onTestFinished(() => client.shutdown());
  await client.connect();
  return client;
}
