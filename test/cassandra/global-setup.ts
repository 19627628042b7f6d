import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { LONG_TIMEOUTS, startLocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import { freePort } from '../../scripts/local-cassandra/processes.ts';
import { cassandraFolder } from '../../scripts/local-cassandra/project.ts';

/** The Cassandra of the tests in this project. */
export interface TestCassandra {
  readonly contactPoints: string[];
  readonly localDatacenter: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    cassandra: TestCassandra;
  }
}

/** Provides the Cassandra at `CASSANDRA_CONTACT_POINTS`, or starts one that stops with the tests. */
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
    // Other ports than those of a Cassandra in use or of another test run.
    nativePort: await freePort(),
    storagePort: await freePort(),
    // Each test has its own keyspace, and some write hundreds of thousands of rows.
    heapMb: 1_536,
    // It runs for a minute, in which the optimising compiler does not pay off.
    javaOptions: ['-XX:TieredStopAtLevel=1'],
    yaml: LONG_TIMEOUTS,
    log: (line) => console.log(line),
  });
  const { contactPoints, localDatacenter } = cluster;
  provide('cassandra', { contactPoints: [...contactPoints], localDatacenter });
  return async () => {
    await cluster.stop();
    rmSync(directory, { recursive: true });
  };
}
