import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { types, type Client } from 'cassandra-driver';
import { v5 } from 'uuid';
import { cassandraClocks, clockSkewOf } from './clock-measurement.ts';
import { driverConsistency, makeClient, type CassandraOptions } from './connect.ts';
import { PROPAGATION_MS } from './event-log-state.ts';

/** One numbered file of `cql/`: `003_conversations.cql`. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
}

/** The reason why a migration stopped, as a sentence for operators. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

const KEYSPACE = `
  SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?`;

/** A random UUID, the namespace of the table's id. It must never change. */
const TABLE_IDS = 'b0a4c3f6-5a0e-4d60-8c86-b1a1b0f4a0de';

/**
 * One partition, so that one query reads all rows and lightweight transactions change them. The table's id is derived from
 * its keyspace, so that two concurrent first migrations create one table, not two with the same name.
 */
function tableOf(keyspace: string): string {
  return `
    CREATE TABLE IF NOT EXISTS ${keyspace}.schema_migrations (
      scope text,
      version int,
      owner uuid static,
      name text,
      checksum text,
      applied timestamp,
      PRIMARY KEY (scope, version)
    ) WITH id = ${v5(keyspace, TABLE_IDS)}`;
}

const APPLIED = `
  SELECT version, name, checksum FROM schema_migrations WHERE scope = 'messenger'`;

const LOCK = `
  UPDATE schema_migrations USING TTL ? SET owner = ? WHERE scope = 'messenger' IF owner = NULL`;

const RENEW_LOCK = `
  UPDATE schema_migrations USING TTL ? SET owner = ? WHERE scope = 'messenger' IF owner = ?`;

const UNLOCK = `
  UPDATE schema_migrations SET owner = NULL WHERE scope = 'messenger' IF owner = ?`;

const RECORD = `
  INSERT INTO schema_migrations (scope, version, name, checksum, applied)
  VALUES ('messenger', ?, ?, ?, toTimestamp(now())) IF NOT EXISTS`;

const EVENT_LOG_STATE = `
  SELECT complete_since FROM event_log WHERE name = 'events'`;

const BEGIN_EVENT_LOG = `
  INSERT INTO event_log (name, retention_days, complete_since, changed) VALUES ('events', ?, ?, ?) IF NOT EXISTS`;

const CHANGE_EVENT_LOG = `
  UPDATE event_log SET complete_since = ? WHERE name = 'events' IF complete_since = ?`;

/** A schema change waits for every node and can't be prepared. */
const SCHEMA_CHANGE = { prepare: false, readTimeout: 60_000 };

/** The time until the lock of a migration whose process died expires. */
const LOCK_SECONDS = 60;
const LOCK_POLL_MS = 500;

/**
 * Brings the keyspace to the newest version: creates it if it is missing, and applies each migration that was not applied
 * yet, once and in order. Idempotent, and safe to run concurrently: one process does the work, the others wait. Throws a
 * `MigrationError` if an applied file has changed since or is missing, or if the keyspace must be created without a
 * replication factor on a cluster that is not a single local node.
 */
export async function migrate(deps: {
  options: CassandraOptions;
  /** The replicas of each row in a keyspace that has to be created; null means one, allowed only on a single local node. */
  replicationFactor: number | null;
  migrations: readonly Migration[];
  report: (message: string) => void;
  /** Is closed at the end. By default a client of `options`; tests of the sent statements pass their own. */
  client?: Client;
}): Promise<void> {
  const { options, migrations, report, client = makeClient(options, null) } = deps;
  try {
    await client.connect();
    await createKeyspace(client, options, deps.replicationFactor);
    await client.execute(`USE ${options.keyspace}`, [], SCHEMA_CHANGE);
    await client.execute(tableOf(options.keyspace), [], SCHEMA_CHANGE);
    await withLock(client, async (renewLock) => {
      const applied = await appliedTo(client);
      for (const { version, name } of applied.values()) {
        if (migrations.some((migration) => migration.version === version)) continue;
        throw new MigrationError(`${name} was applied to ${options.keyspace}, but the file is missing here.`);
      }
      for (const migration of [...migrations].sort((a, b) => a.version - b.version)) {
        const checksum = createHash('sha256').update(migration.text).digest('hex');
        const before = applied.get(migration.version);
        if (before !== undefined && before.checksum !== checksum) {
          throw new MigrationError(
            `${migration.name} has changed since it was applied to ${options.keyspace}; add a new file instead.`,
          );
        }
        if (before !== undefined) continue;
        await renewLock();
        for (const statement of statementsOf(migration.text)) {
          await client.execute(statement, [], SCHEMA_CHANGE);
        }
        await compareAndSet(client, RECORD, [migration.version, migration.name, checksum]);
        report(`applied ${migration.name}`);
      }
      report(`${options.keyspace} is at version ${Math.max(0, ...migrations.map(({ version }) => version))}`);
    });
  } finally {
    await client.shutdown();
  }
}

/** Creates the keyspace if it is missing. */
async function createKeyspace(
  client: Client,
  options: CassandraOptions,
  replicationFactor: number | null,
): Promise<void> {
  const { keyspace, localDatacenter, contactPoints } = options;
  const nodes = client.hosts.length;
  if (replicationFactor === null && (nodes > 1 || !contactPoints.every(isLoopback))) {
    if ((await client.execute(KEYSPACE, [keyspace])).rows.length > 0) return;
    throw new MigrationError(
      `The keyspace ${keyspace} does not exist, and this cluster is not a single local node (${nodes} ` +
        `${nodes === 1 ? 'node is' : 'nodes are'} known). Set the number of replicas in ${localDatacenter} with ` +
        'CASSANDRA_REPLICATION_FACTOR or --replication-factor: 3 if data must survive the loss of a node.',
    );
  }
  // Even if it exists: the statement then waits for a migration that is creating it.
  await client.execute(
    `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication =
      {'class': 'NetworkTopologyStrategy', '${localDatacenter}': ${replicationFactor ?? 1}}`,
    [],
    SCHEMA_CHANGE,
  );
}

function isLoopback(contactPoint: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\]):\d+$/i.test(contactPoint);
}

/**
 * Declares the event log incomplete before the next half minute is over, as after a restore or a truncation of
 * `events_by_user`: inbox pages from before are read only from the inbox rows, and clients with older cursors have to list
 * again. The processes of the service read this state within half a minute. Returns the time since which the log counts as
 * complete. Throws a `MigrationError` if the clock of this host differs from those of the nodes.
 */
export async function declareEventLogIncomplete(options: CassandraOptions): Promise<Date> {
  const client = makeClient(options);
  try {
    await client.connect();
    const skew = await clockSkewOf(cassandraClocks(client));
    if (skew > options.maxClockSkewMs) {
      throw new MigrationError(`The clock of this host differs from Cassandra's by ${Math.round(skew)} ms.`);
    }
    const serialConsistency = driverConsistency(options.consistency.serial);
    for (;;) {
      const { rows } = await client.execute(EVENT_LOG_STATE, [], { consistency: serialConsistency });
      const before = rows[0]?.['complete_since'] as Date | undefined;
      // Ids may be ahead of the time by twice the allowed skew, and this host's clock may be behind by one. The time never
      // decreases: this host's clock may be behind that of the host that stored it.
      // Until a process has read it, its clients pass over the events that were lost, so their cursors have to be older.
      const latestId = Date.now() + 3 * options.maxClockSkewMs + PROPAGATION_MS;
      const since = new Date(Math.max(latestId, before?.getTime() ?? 0));
      const isApplied =
        before === undefined
          ? await compareAndSet(
              client,
              BEGIN_EVENT_LOG,
              [options.eventRetentionDays, since, since],
              serialConsistency,
            )
          : await compareAndSet(client, CHANGE_EVENT_LOG, [since, before], serialConsistency);
      if (isApplied) return since;
    }
  } finally {
    await client.shutdown();
  }
}

/** The statements of a migration: split at semicolons, without comments. No literal may contain a semicolon or `--`. */
export function statementsOf(text: string): string[] {
  return text
    .replace(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** Runs `work` while no other migration runs; `work` renews the lock before each step. */
async function withLock(
  client: Client,
  work: (renewLock: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const owner = types.Uuid.fromString(randomUUID());
  while (!(await compareAndSet(client, LOCK, [LOCK_SECONDS, owner]))) await pause(LOCK_POLL_MS);
  try {
    await work(async () => {
      if (await compareAndSet(client, RENEW_LOCK, [LOCK_SECONDS, owner, owner])) return;
      throw new MigrationError('Another migration took over because this one was too slow; run it again.');
    });
  } finally {
    await compareAndSet(client, UNLOCK, [owner]);
  }
}

async function appliedTo(
  client: Client,
): Promise<Map<number, { version: number; name: string; checksum: string }>> {
  // A serial read also completes a transaction whose coordinator or client died.
  const { rows } = await client.execute(APPLIED, [], {
    consistency: types.consistencies.serial,
  });
  return new Map(
    rows
      .filter((row) => row['version'] !== null)
      .map((row) => [
        row['version'] as number,
        {
          version: row['version'] as number,
          name: row['name'] as string,
          checksum: row['checksum'] as string,
        },
      ]),
  );
}

/**
 * Runs a lightweight transaction; resolves with whether it was applied. By default it covers all datacenters, even if the
 * service uses LOCAL_SERIAL, so that two datacenters can't migrate at the same time.
 */
async function compareAndSet(
  client: Client,
  query: string,
  params: unknown[],
  serialConsistency = types.consistencies.serial,
): Promise<boolean> {
  const result = await client.execute(query, params, {
    prepare: true,
    isIdempotent: false,
    serialConsistency,
  });
  return result.wasApplied();
}
