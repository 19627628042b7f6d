import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startLocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import { freePort } from '../../scripts/local-cassandra/processes.ts';
import { cassandraFolder } from '../../scripts/local-cassandra/project.ts';

/** The Cassandra that the tests of this project run on. */
export interface TestCassandra {
  readonly contactPoints: string[];
  readonly localDatacenter: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    cassandra: TestCassandra;
  }
}

/** Provides the Cassandra at `CASSANDRA_CONTACT_POINTS`, or else one of its own, which ends with the tests. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const given = process.env['CASSANDRA_CONTACT_POINTS'];
  if (given !== undefined && given !== '') {
    const localDatacenter = process.env['CASSANDRA_LOCAL_DATACENTER'] ?? 'datacenter1';
    provide('cassandra', { contactPoints: given.split(','), localDatacenter });
    return () => Promise.resolve();
  }

  mkdirSync(cassandraFolder, { recursive: true });
  const directory = mkdtempSync(join(cassandraFolder, 'tests-'));
  const cluster = await startLocalCluster({
    directory,
    addresses: ['127.0.0.1'],
    // So that a Cassandra in use on this host, or another run of the tests, is not in the way.
    nativePort: await freePort(),
    storagePort: await freePort(),
    // Each test has a keyspace of its own, and some write hundreds of thousands of rows.
    heapMb: 1_536,
    // It lives for a minute, in which a better compiler does not pay.
    javaOptions: ['-XX:TieredStopAtLevel=1'],
    log: (line) => console.log(line),
  });
  const { contactPoints, localDatacenter } = cluster;
  provide('cassandra', { contactPoints: [...contactPoints], localDatacenter });
  return async () => {
    await cluster.stop();
    rmSync(directory, { recursive: true });
  };
}
