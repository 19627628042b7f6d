import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { types, type Client } from 'cassandra-driver';
import { v5 } from 'uuid';
import { driverConsistency, makeClient, type CassandraOptions } from './connect.ts';

/** One numbered file of `cql/`: `003_conversations.cql`. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
}

/** Why a migration stopped, in a sentence for people. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** Chosen once, at random. */
const TABLE_IDS = 'b0a4c3f6-5a0e-4d60-8c86-b1a1b0f4a0de';

/**
 * One partition, so that it is one question to read and one set of transactions to change. The table's id follows
 * from its keyspace, so that two first migrations in the same instant create one table, not two of one name.
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

const KEEP = `
  UPDATE schema_migrations USING TTL ? SET owner = ? WHERE scope = 'messenger' IF owner = ?`;

const UNLOCK = `
  UPDATE schema_migrations SET owner = NULL WHERE scope = 'messenger' IF owner = ?`;

const RECORD = `
  INSERT INTO schema_migrations (scope, version, name, checksum, applied)
  VALUES ('messenger', ?, ?, ?, toTimestamp(now())) IF NOT EXISTS`;

/** A schema change waits for every node, and is not prepared. */
const SCHEMA_CHANGE = { prepare: false, readTimeout: 60_000 };

/** A migrator that died holds the others up for so long. */
const LOCK_SECONDS = 60;
const LOCK_POLL_MS = 500;

/**
 * Brings the keyspace to the newest version: creates it where it is missing, and applies each migration that was
 * not, once and in order. Safe to repeat, and to run from several places at once: one does the work, the others
 * wait. Throws a `MigrationError` if a file that was applied has changed since, or if one is missing.
 */
export async function migrate(needs: {
  options: CassandraOptions;
  /** The replicas of each row in a keyspace that is yet to be made; null for three, or one a node where fewer are. */
  replicationFactor: number | null;
  migrations: readonly Migration[];
  report: (sentence: string) => void;
}): Promise<void> {
  const { options, migrations, report } = needs;
  const client = makeClient(options, null);
  try {
    await client.connect();
    const nodes = client.hosts.values().filter((host) => host.datacenter === options.localDatacenter);
    const replicationFactor = needs.replicationFactor ?? Math.min(nodes.length, 3);
    await client.execute(
      `CREATE KEYSPACE IF NOT EXISTS ${options.keyspace} WITH replication =
        {'class': 'NetworkTopologyStrategy', '${options.localDatacenter}': ${replicationFactor}}`,
      [],
      SCHEMA_CHANGE,
    );
    await client.execute(`USE ${options.keyspace}`, [], SCHEMA_CHANGE);
    await client.execute(tableOf(options.keyspace), [], SCHEMA_CHANGE);
    await alone(client, options, async (stillAlone) => {
      const applied = await appliedTo(client, options);
      for (const { version, name } of applied.values()) {
        if (migrations.some((migration) => migration.version === version)) continue;
        throw new MigrationError(
          `${name} was applied to ${options.keyspace}, and is not among the files here.`,
        );
      }
      for (const migration of [...migrations].sort((a, b) => a.version - b.version)) {
        const checksum = createHash('sha256').update(migration.text).digest('hex');
        const before = applied.get(migration.version);
        if (before !== undefined && before.checksum !== checksum) {
          throw new MigrationError(
            `${migration.name} has changed since it was applied to ${options.keyspace}; write a new file instead.`,
          );
        }
        if (before !== undefined) continue;
        await stillAlone();
        for (const statement of statementsOf(migration.text)) {
          await client.execute(statement, [], SCHEMA_CHANGE);
        }
        await decide(client, options, RECORD, [migration.version, migration.name, checksum]);
        report(`applied ${migration.name}`);
      }
      report(`${options.keyspace} is at version ${Math.max(0, ...migrations.map(({ version }) => version))}`);
    });
  } finally {
    await client.shutdown();
  }
}

/** The statements of a migration: what is between semicolons, without the comments. No literal may hold either. */
export function statementsOf(text: string): string[] {
  return text
    .replace(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** Runs `work` while no other migrator runs; `work` renews the hold before each step. */
async function alone(
  client: Client,
  options: CassandraOptions,
  work: (renew: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const owner = types.Uuid.fromString(randomUUID());
  while (!(await decide(client, options, LOCK, [LOCK_SECONDS, owner]))) await pause(LOCK_POLL_MS);
  try {
    await work(async () => {
      if (await decide(client, options, KEEP, [LOCK_SECONDS, owner, owner])) return;
      throw new MigrationError('Another migration took over because this one was too slow; run it again.');
    });
  } finally {
    await decide(client, options, UNLOCK, [owner]);
  }
}

async function appliedTo(
  client: Client,
  options: CassandraOptions,
): Promise<Map<number, { version: number; name: string; checksum: string }>> {
  // A serial read also finishes a record whose writer died.
  const { rows } = await client.execute(APPLIED, [], {
    consistency: driverConsistency(options.consistency.serial),
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

/** A lightweight transaction; whether it was applied. */
async function decide(
  client: Client,
  options: CassandraOptions,
  query: string,
  params: unknown[],
): Promise<boolean> {
  const result = await client.execute(query, params, {
    prepare: true,
    isIdempotent: false,
    serialConsistency: driverConsistency(options.consistency.serial),
  });
  return result.wasApplied();
}
