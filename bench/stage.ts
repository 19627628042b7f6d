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

/** The Cassandra that everything of a run is measured on: one node, started for it, with the messenger's schema. */
export interface Database {
  /** What the service is to be started with. */
  readonly environment: Environment;
  readonly options: CassandraOptions;
  readonly client: Client;
  readonly version: string;
  /** Where the node keeps its commit log. */
  readonly commitLog: string;
}

/** Where a part of the benchmark plays. What it starts here ends with it, but for the database. */
export interface Stage {
  /** Whether the run is to be short rather than exact. */
  readonly quick: boolean;
  database(): Promise<Database>;
  /** Another one, of this part alone, with settings of its own. */
  ownDatabase(settings: DatabaseSettings): Promise<Database>;
  startServer(kind: keyof typeof SERVERS, environment: Environment, host?: Host): Promise<Server>;
  startGenerator(): LoadGenerator;
  /** Tells people how far it is. */
  say(line: string): void;
}

/** Builds what is measured: the service as `npm run build` does, and with it the servers of `bench/`. */
export async function build(): Promise<void> {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const child = spawn(process.execPath, [compiler, '-p', join(projectFolder, 'bench')], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error('bench/ could not be built');
}

/** What sets a database apart from others. */
export interface DatabaseSettings {
  readonly address: string;
  /** Settings for cassandra.yaml, over those of every local node. */
  readonly yaml: Readonly<Record<string, unknown>>;
}

const SHARED: DatabaseSettings = { address: '127.0.4.1', yaml: {} };

/** A database, started when it is first asked for, and its end. */
export function makeDatabase(deps: {
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly settings?: DatabaseSettings;
}): {
  readonly open: () => Promise<Database>;
  /** Cassandra's version; null where it was never asked for. */
  readonly version: () => Promise<string | null>;
  /** Gives the folder with the logs where they are to be kept. */
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
      // Batches as large as the generator of data makes them are no mistake here.
      yaml: { batch_size_warn_threshold: '256KiB', batch_size_fail_threshold: '1MiB', ...yaml },
      log: deps.say,
      signal: deps.signal,
    });
    const environment = {
      STORAGE: 'cassandra',
      CASSANDRA_CONTACT_POINTS: cluster.contactPoints.join(','),
      CASSANDRA_LOCAL_DATACENTER: cluster.localDatacenter,
      // A design that is slow is to be measured, and not to be cut off.
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

/** A stage for one part, and the end of all that the part has started on it. */
export function makeStage(deps: {
  readonly quick: boolean;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly database: () => Promise<Database>;
}): {
  readonly stage: Stage;
  /** The last that each server has said. */
  readonly lastWords: () => string[];
  /** Requests that servers turned away. */
  readonly turnedAway: () => number;
  readonly clear: () => Promise<void>;
} {
  const servers: Server[] = [];
  const generators: LoadGenerator[] = [];
  const started: { stop(): Promise<void> }[] = [];
  const databases: ReturnType<typeof makeDatabase>[] = [];
  const stage: Stage = {
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
    stage,
    turnedAway: () => generators.reduce((sum, generator) => sum + generator.turnedAway(), 0),
    lastWords: () => servers.map((server) => server.lastWords()),
    async clear() {
      await Promise.all(started.map((one) => one.stop()));
      await Promise.all(databases.map((one) => one.close(false)));
    },
  };
}
