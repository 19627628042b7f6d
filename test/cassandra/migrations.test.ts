import { randomUUID } from 'node:crypto';
import type { Client } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClient, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { migrate, statementsOf, type Migration } from '../../src/adapters/cassandra/migrate.ts';
import { SCHEMA_VERSION } from '../../src/adapters/cassandra/schema.ts';
import { openCassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { readMigrations } from '../../scripts/migrations.ts';
import { overheardLog } from '../support/overheard.ts';
import { optionsFor } from './cluster.ts';

const migrations = readMigrations();

let client: Client;
beforeAll(async () => {
  client = makeClient(optionsFor('none'), null);
  await client.connect();
});
afterAll(() => client.shutdown());

function freshOptions(): CassandraOptions {
  return optionsFor(`migrations_${randomUUID().slice(0, 8)}`);
}

async function run(options: CassandraOptions, files: readonly Migration[] = migrations): Promise<string[]> {
  const lines: string[] = [];
  const report = (line: string): void => void lines.push(line);
  await migrate({ options, replicationFactor: 1, migrations: files, report });
  return lines;
}

/** Why a service does not start with these options. */
async function refusal(options: CassandraOptions): Promise<string> {
  const storage = openCassandraStorage({ options, clock: makeClock(), log: overheardLog });
  try {
    return await storage.started.then(
      () => 'it starts',
      (error: unknown) => (error as Error).message,
    );
  } finally {
    await storage.close();
  }
}

describe('the migration', () => {
  it('applies each file once, from however many places it is run, and again changes nothing', async () => {
    const options = freshOptions();
    const lines = (await Promise.all([run(options), run(options), run(options)])).flat();
    const applied = lines.filter((line) => line.startsWith('applied')).sort();
    expect(applied).toEqual(migrations.map(({ name }) => `applied ${name}`));
    expect(await run(options)).toEqual([`${options.keyspace} is at version ${SCHEMA_VERSION}`]);
    expect(await refusal(options)).toBe('it starts');
  });

  it('goes on where another one stopped', async () => {
    const options = freshOptions();
    await run(options, migrations.slice(0, 3));
    const lines = await run(options);
    expect(lines.slice(0, -1)).toEqual(migrations.slice(3).map(({ name }) => `applied ${name}`));
  });

  it('refuses a file that has changed since it was applied, and one that is gone', async () => {
    const options = freshOptions();
    await run(options);
    const changed = migrations.map((migration) =>
      migration.version === 2 ? { ...migration, text: `${migration.text}\n` } : migration,
    );
    await expect(run(options, changed)).rejects.toThrow(/002_\w+\.cql has changed/);
    await expect(run(options, migrations.slice(1))).rejects.toThrow(/001_\w+\.cql was applied .* not among/);
  });

  it('finds the statements of a file between its semicolons, without the comments', () => {
    expect(statementsOf('-- a; b\nCREATE x (\n  y int -- c; d\n);\n\n-- c\nCREATE z;\n')).toEqual([
      'CREATE x (\n  y int \n)',
      'CREATE z',
    ]);
  });

  it('knows the last file as the version that the service needs', () => {
    expect(Math.max(...migrations.map(({ version }) => version))).toBe(SCHEMA_VERSION);
  });
});

describe('a service refuses to start, and names what to change,', () => {
  it('without its keyspace', async () => {
    expect(await refusal(freshOptions())).toMatch(/no keyspace migrations_\w+ .*npm run migrate/);
  });

  it('on a keyspace without tables', async () => {
    const options = freshOptions();
    await client.execute(
      `CREATE KEYSPACE ${options.keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}`,
      [],
      { prepare: false },
    );
    expect(await refusal(options)).toMatch(/at version 0, .*npm run migrate/);
  });

  it('on an older schema', async () => {
    const options = freshOptions();
    await run(options, migrations.slice(0, -1));
    expect(await refusal(options)).toMatch(new RegExp(`at version ${SCHEMA_VERSION - 1}, .*npm run migrate`));
  });

  it('in a datacenter that is not there', async () => {
    expect(await refusal({ ...freshOptions(), localDatacenter: 'nowhere' })).toMatch(
      /no datacenter nowhere .*datacenter1/,
    );
  });
});

it('a service goes on serving when the next migration has run, and starts on it', async () => {
  const options = freshOptions();
  await run(options, migrations);
  const before = openCassandraStorage({ options, clock: makeClock(), log: overheardLog });
  await before.started;
  const next: Migration = { version: SCHEMA_VERSION + 1, name: '999_next.cql', text: '' };
  await run(options, [...migrations, next]);
  expect(await before.missing()).toEqual([]);
  await before.close();
  const after = openCassandraStorage({ options, clock: makeClock(), log: overheardLog });
  await after.started;
  await after.close();
});

it('storage that is not reached says so, and refuses without trying', async () => {
  const options = { ...optionsFor('none'), contactPoints: ['127.0.0.1:1'] };
  const storage = openCassandraStorage({ options, clock: makeClock(), log: overheardLog });
  const closed = expect(storage.started).rejects.toThrow('Closed before');
  expect(await storage.missing()).toEqual(['Cassandra is not reached yet.']);
  await expect(
    storage.conversations.find('6f1c2f6e-6a53-5b0e-9d5e-0c7a3f1b8d24' as never),
  ).rejects.toMatchObject({ kind: 'unavailable' });
  await storage.close();
  await closed;
});
