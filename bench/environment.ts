import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'cassandra-driver';
import { startLocalCluster, type LocalCluster } from '../scripts/local-cassandra/cluster.ts';
import { cassandraFolder } from '../scripts/local-cassandra/project.ts';
import { readMigrations } from '../scripts/migrations.ts';
import { makeClient, type CassandraOptions } from '../src/adapters/cassandra/connect.ts';
import { migrate } from '../src/adapters/cassandra/migrate.ts';
import { readConfig } from '../src/composition/config.ts';
import { startServer, type Environment as Variables, type Server, type ServerKind } from './processes.ts';

/** The Cassandra of a run, with the messenger's schema in a keyspace of the run. */
export interface Database {
  /** Environment variables for the servers. */
  readonly variables: Variables;
  readonly options: CassandraOptions;
  readonly client: Client;
  readonly version: string;
}

/** The environment of one part. The servers that a part starts end with it. */
export interface Environment {
  /** Whether the run is short, with rough figures. */
  readonly quick: boolean;
  /** Logs progress. */
  readonly log: (line: string) => void;
  /** The database, started on first use. */
  readonly database: () => Promise<Database>;
  readonly startServer: (kind: ServerKind, variables: Variables) => Promise<Server>;
}

/** The keyspace for measuring the sizes of rows, in tables of their own. */
export function rowsKeyspaceOf({ keyspace }: CassandraOptions): string {
  return `${keyspace}_rows`;
}

/**
 * A database that is opened on first use: a keyspace that `close` drops, on the Cassandra at CASSANDRA_CONTACT_POINTS,
 * or else on a local node that ends with the run.
 */
export function makeDatabase(deps: { readonly signal: AbortSignal; readonly log: (line: string) => void }): {
  readonly open: () => Promise<Database>;
  /** Null if it was not opened. */
  readonly opened: () => Promise<Database> | null;
  readonly close: () => Promise<void>;
} {
  let database: Promise<Database> | null = null;
  let cluster: LocalCluster | null = null;
  let folder: string | null = null;

  async function startNode(): Promise<Variables> {
    mkdirSync(cassandraFolder, { recursive: true });
    folder = mkdtempSync(join(cassandraFolder, 'bench-'));
    cluster = await startLocalCluster({
      directory: folder,
      addresses: ['127.0.4.1'],
      nativePort: 9442,
      storagePort: 7400,
      heapMb: 1024,
      // The data of a part are written in large batches.
      yaml: { batch_size_warn_threshold: '256KiB', batch_size_fail_threshold: '1MiB' },
      log: deps.log,
      signal: deps.signal,
    });
    return {
      CASSANDRA_CONTACT_POINTS: cluster.contactPoints.join(','),
      CASSANDRA_LOCAL_DATACENTER: cluster.localDatacenter,
    };
  }

  async function open(): Promise<Database> {
    const { CASSANDRA_CONTACT_POINTS: given, CASSANDRA_LOCAL_DATACENTER: datacenter } = process.env;
    const variables = {
      STORAGE: 'cassandra',
      CASSANDRA_KEYSPACE: `bench_${crypto.randomUUID().slice(0, 8)}`,
      // Slow requests must be measured and not time out.
      REQUEST_TIMEOUT_MS: '60000',
      ...(given
        ? {
            CASSANDRA_CONTACT_POINTS: given,
            ...(datacenter !== undefined && { CASSANDRA_LOCAL_DATACENTER: datacenter }),
          }
        : await startNode()),
    };
    const options = readConfig(variables, () => '').cassandra;
    await migrate({ options, replicationFactor: 1, migrations: readMigrations(), report: () => undefined });
    const client = makeClient(options);
    await client.connect();
    const row = (await client.execute('SELECT release_version FROM system.local')).first();
    return { variables, options, client, version: String(row['release_version']) };
  }

  return {
    open: () => (database ??= open()),
    opened: () => database,
    async close() {
      const opened = await database?.catch(() => null);
      if (opened && cluster === null) {
        const { client, options } = opened;
        for (const keyspace of [options.keyspace, rowsKeyspaceOf(options)]) {
          await client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`);
        }
      }
      await opened?.client.shutdown();
      await cluster?.stop();
      if (folder !== null) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The environment of one part, and a function that stops what the part has started. */
export function makeEnvironment(deps: Omit<Environment, 'startServer'>) {
  const servers: Server[] = [];
  const environment: Environment = {
    ...deps,
    startServer: async (kind, variables) => {
      const server = await startServer(kind, variables);
      servers.push(server);
      return server;
    },
  };
  return {
    environment,
    clear: async (): Promise<void> => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
