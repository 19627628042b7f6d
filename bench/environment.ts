import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Client } from 'cassandra-driver';
import { startLocalCluster, type LocalCluster } from '../scripts/local-cassandra/cluster.ts';
import { cassandraFolder, projectFolder } from '../scripts/local-cassandra/project.ts';
import { readMigrations } from '../scripts/migrations.ts';
import { makeClient, type CassandraOptions } from '../src/adapters/cassandra/connect.ts';
import { migrate } from '../src/adapters/cassandra/migrate.ts';
import { readConfig } from '../src/composition/config.ts';
import {
  startGenerator,
  startServer,
  type Environment,
  type Host,
  type LoadGenerator,
  type SERVERS,
  type Server,
} from './processes.ts';

/** The Cassandra node of a run, started for it, with the messenger's schema. */
export interface Database {
  /** Environment variables for the service. */
  readonly environment: Environment;
  readonly options: CassandraOptions;
  readonly client: Client;
  readonly version: string;
  /** The commit log folder of the node. */
  readonly commitLog: string;
}

/** The environment of a benchmark part. Everything that it starts ends with the part, except the shared database. */
export interface BenchEnvironment {
  /** Whether the run is short, with rough figures. */
  readonly quick: boolean;
  database(): Promise<Database>;
  /** Starts a separate database for this part, with its own settings. */
  ownDatabase(settings: DatabaseSettings): Promise<Database>;
  startServer(kind: keyof typeof SERVERS, environment: Environment, host?: Host): Promise<Server>;
  startGenerator(): LoadGenerator;
  /** Logs progress. */
  say(line: string): void;
}

/** Builds the service, as `npm run build` does, and the servers of `bench/`. */
export async function build(): Promise<void> {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const child = spawn(process.execPath, [compiler, '-p', join(projectFolder, 'bench')], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error('building bench/ failed');
}

/** The settings of a database. */
export interface DatabaseSettings {
  readonly address: string;
  /** Settings for cassandra.yaml that override those of local nodes. */
  readonly yaml: Readonly<Record<string, unknown>>;
}

const SHARED: DatabaseSettings = { address: '127.0.4.1', yaml: {} };

/** A database that is started on first use. */
export function makeDatabase(deps: {
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly settings?: DatabaseSettings;
}): {
  readonly open: () => Promise<Database>;
  /** Cassandra's version; null if it was not started. */
  readonly version: () => Promise<string | null>;
  /** Returns the folder of the logs if `keep` is true. */
  readonly close: (keep: boolean) => Promise<string | null>;
} {
  const { address, yaml } = deps.settings ?? SHARED;
  let cluster: LocalCluster | null = null;
  let client: Client | null = null;
  let folder: string | null = null;
  let database: Promise<Database> | null = null;

  async function open(): Promise<Database> {
    mkdirSync(cassandraFolder, { recursive: true });
    folder = mkdtempSync(join(cassandraFolder, 'bench-'));
    cluster = await startLocalCluster({
      directory: folder,
      addresses: [address],
      nativePort: 9442,
      storagePort: 7400,
      heapMb: 1024,
      // The data generator writes large batches on purpose.
      yaml: { batch_size_warn_threshold: '256KiB', batch_size_fail_threshold: '1MiB', ...yaml },
      log: deps.say,
      signal: deps.signal,
    });
    const environment = {
      STORAGE: 'cassandra',
      CASSANDRA_CONTACT_POINTS: cluster.contactPoints.join(','),
      CASSANDRA_LOCAL_DATACENTER: cluster.localDatacenter,
      // Slow requests must be measured and not time out.
      REQUEST_TIMEOUT_MS: '60000',
    };
    const options = readConfig(environment, () => '').cassandra;
    await migrate({ options, replicationFactor: 1, migrations: readMigrations(), report: () => undefined });
    client = makeClient(options);
    await client.connect();
    const row = (await client.execute('SELECT release_version FROM system.local')).first();
    const commitLog = join(folder, address, 'commitlog');
    return { environment, options, client, version: String(row['release_version']), commitLog };
  }

  return {
    open: () => (database ??= open()),
    version: async () => (await database)?.version ?? null,
    async close(keep) {
      await database?.catch(() => undefined);
      await client?.shutdown();
      await cluster?.stop();
      if (folder !== null && !keep) rmSync(folder, { recursive: true, force: true });
      return keep ? folder : null;
    },
  };
}

/** Makes the environment of one part; `clear` stops all that the part has started. */
export function makeEnvironment(deps: {
  readonly quick: boolean;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly database: () => Promise<Database>;
}): {
  readonly environment: BenchEnvironment;
  /** The last log lines of each server. */
  readonly lastLogs: () => string[];
  /** The number of rejected requests. */
  readonly rejected: () => number;
  readonly clear: () => Promise<void>;
} {
  const servers: Server[] = [];
  const generators: LoadGenerator[] = [];
  const started: { stop(): Promise<void> }[] = [];
  const databases: ReturnType<typeof makeDatabase>[] = [];
  const environment: BenchEnvironment = {
    ...deps,
    ownDatabase(settings) {
      const database = makeDatabase({ ...deps, settings });
      databases.push(database);
      return database.open();
    },
    async startServer(kind, environment, host) {
      const server = await startServer(kind, environment, host);
      servers.push(server);
      started.push(server);
      return server;
    },
    startGenerator() {
      const generator = startGenerator();
      generators.push(generator);
      started.push(generator);
      return generator;
    },
  };
  return {
    environment,
    rejected: () => generators.reduce((sum, generator) => sum + generator.rejected(), 0),
    lastLogs: () => servers.map((server) => server.lastLogs()),
    async clear() {
      await Promise.all(started.map((one) => one.stop()));
      await Promise.all(databases.map((one) => one.close(false)));
    },
  };
}
