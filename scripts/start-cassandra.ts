import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { migrate } from '../src/adapters/cassandra/migrate.ts';
import { readConfig } from '../src/composition/config.ts';
import { LocalCassandraError, startLocalCluster, type LocalCluster } from './local-cassandra/cluster.ts';
import { projectCluster, projectFolder } from './local-cassandra/project.ts';
import { readMigrations } from './migrations.ts';

/**
 * `npm run start:cassandra`: runs a local Cassandra (or uses the one of `npm run cassandra`, if it is running), the
 * migration, and the service, until Ctrl-C. Stops them in reverse order.
 */
async function main(): Promise<number> {
  const stopping = new AbortController();
  let service: ChildProcess | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stopping.abort();
      service?.kill('SIGTERM');
    });
  }

  const options = projectCluster(1);
  const env = {
    ...process.env,
    STORAGE: 'cassandra',
    CASSANDRA_CONTACT_POINTS: `${options.addresses[0]}:${options.nativePort}`,
  };
  let cluster: LocalCluster | null = null;
  try {
    cluster = await started(() =>
      startLocalCluster({ ...options, log: (line) => console.log(line), signal: stopping.signal }),
    );
    const { cassandra } = readConfig(env, () => '');
    await migrate({
      options: cassandra,
      replicationFactor: Math.min(options.addresses.length, 3),
      migrations: readMigrations(),
      report: (line) => console.log(line),
    });
    if (stopping.signal.aborted) return 0;
    // In a separate process group, so that Ctrl-C reaches it only once, through this process.
    service = spawn(process.execPath, [join(projectFolder, 'dist/src/main.node.js')], {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    });
    const [code] = (await once(service, 'exit')) as [number | null];
    return code ?? 1;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    if (!(error instanceof LocalCassandraError)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    await cluster?.stop();
  }
}

/** The cluster that `start` starts; null if it is already running. Then its owner also stops it. */
async function started(start: () => Promise<LocalCluster>): Promise<LocalCluster | null> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof LocalCassandraError) || error.failure !== 'already_running') throw error;
    console.log(`${error.message} The service uses it.`);
    return null;
  }
}

process.exitCode = await main();
