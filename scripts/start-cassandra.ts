import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { migrate } from '../src/adapters/cassandra/migrate.ts';
import { readConfig } from '../src/composition/config.ts';
import { LocalCassandraError, startLocalCluster, type LocalCluster } from './local-cassandra/cluster.ts';
import { projectCluster, projectFolder } from './local-cassandra/project.ts';
import { readMigrations } from './migrations.ts';

/**
 * `npm run start:cassandra`: a local Cassandra (the one of `npm run cassandra`, where that runs), the migration, and
 * the service on it, until Ctrl-C. Ends in the reverse order.
 */
async function main(): Promise<number> {
  const toldToStop = new AbortController();
  let service: ChildProcess | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      toldToStop.abort();
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
      startLocalCluster({ ...options, log: (line) => console.log(line), signal: toldToStop.signal }),
    );
    const { cassandra } = readConfig(env, () => '');
    await migrate({
      options: cassandra,
      replicationFactor: Math.min(options.addresses.length, 3),
      migrations: readMigrations(),
      report: (line) => console.log(line),
    });
    if (toldToStop.signal.aborted) return 0;
    // In a group of its own: a Ctrl-C reaches it through this process alone, and once.
    service = spawn(process.execPath, [join(projectFolder, 'dist/src/main.node.js')], {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    });
    const [code] = (await once(service, 'exit')) as [number | null];
    return code ?? 1;
  } catch (error) {
    if (toldToStop.signal.aborted) return 0;
    if (!(error instanceof LocalCassandraError)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    await cluster?.stop();
  }
}

/** The cluster that `start` starts; null where somebody runs it already, who also ends it. */
async function started(start: () => Promise<LocalCluster>): Promise<LocalCluster | null> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof LocalCassandraError) || error.failure !== 'already_running') throw error;
    console.log(`${error.message} The service uses that one.`);
    return null;
  }
}

process.exitCode = await main();
