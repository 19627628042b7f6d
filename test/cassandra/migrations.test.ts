import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Client, types } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { clientOptions, makeClient, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { EventLogState } from '../../src/adapters/cassandra/event-log-state.ts';
import {
  declareEventLogIncomplete,
  migrate,
  MigrationError,
  statementsOf,
  type Migration,
} from '../../src/adapters/cassandra/migrate.ts';
import { makeSession } from '../../src/adapters/cassandra/session.ts';
import { openCassandraStorage, SCHEMA_VERSION } from '../../src/adapters/cassandra/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import { readMigrations } from '../../scripts/migrations.ts';
import { guardedLog } from '../support/log-leak-guard.ts';
import { optionsFor } from './cluster.ts';

const migrations = readMigrations();
const clock = makeClock();

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

/** The error of a service start with these options. */
async function refusal(options: CassandraOptions): Promise<string> {
  const storage = openCassandraStorage({
    options,
    clock,
    messageIds: makeMessageIds({ clock }),
    log: guardedLog,
  });
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
  it('applies each file once, even with concurrent runs, and changes nothing when repeated', async () => {
    const options = freshOptions();
    const lines = (await Promise.all([run(options), run(options), run(options)])).flat();
    const applied = lines.filter((line) => line.startsWith('applied')).sort();
    expect(applied).toEqual(migrations.map(({ name }) => `applied ${name}`));
    expect(await run(options)).toEqual([`${options.keyspace} is at version ${SCHEMA_VERSION}`]);
    expect(await refusal(options)).toBe('it starts');
  });

  it('continues where another run stopped', async () => {
    const options = freshOptions();
    await run(options, migrations.slice(0, 3));
    const lines = await run(options);
    expect(lines.slice(0, -1)).toEqual(migrations.slice(3).map(({ name }) => `applied ${name}`));
  });

  it('refuses a changed or missing file that was applied', async () => {
    const options = freshOptions();
    await run(options);
    const changed = migrations.map((migration) =>
      migration.version === 2 ? { ...migration, text: `${migration.text}\n` } : migration,
    );
    await expect(run(options, changed)).rejects.toThrow(/002_\w+\.cql has changed/);
    await expect(run(options, migrations.slice(1))).rejects.toThrow(
      /001_\w+\.cql was applied .* is missing here/,
    );
  });

  it('finds the statements of a file between its semicolons, without the comments', () => {
    expect(statementsOf('-- a; b\nCREATE x (\n  y int -- c; d\n);\n\n-- c\nCREATE z;\n')).toEqual([
      'CREATE x (\n  y int \n)',
      'CREATE z',
    ]);
  });
});

/** A client that records transactions. */
class RecordingClient extends Client {
  readonly serialConsistencies: unknown[] = [];

  override execute(query: string, ...rest: unknown[]): Promise<types.ResultSet> {
    const [, options] = rest as [unknown, { serialConsistency?: unknown }?];
    if (/\bIF (?!NOT EXISTS \w+\.)/.test(query) && options?.serialConsistency !== undefined) {
      this.serialConsistencies.push(options.serialConsistency);
    }
    return super.execute(query, ...(rest as []));
  }
}

it('the lock of a migration uses a consistency across all datacenters, for any service configuration', async () => {
  const options = freshOptions();
  expect(options.consistency.serial).toBe('LOCAL_SERIAL');
  const recording = new RecordingClient(clientOptions(options, null));
  await migrate({ options, replicationFactor: 1, migrations, report: () => undefined, client: recording });
  // The lock, for each file its renewal and its record, and the release.
  expect(recording.serialConsistencies).toHaveLength(2 + 2 * migrations.length);
  expect(new Set(recording.serialConsistencies)).toEqual(new Set([types.consistencies.serial]));
});

describe('the replication factor of a new keyspace', () => {
  const replicationOf = async ({ keyspace }: CassandraOptions): Promise<string | undefined> => {
    const { rows } = await client.execute(
      'SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?',
      [keyspace],
    );
    return (rows[0]?.['replication'] as Record<string, string> | undefined)?.[options.localDatacenter];
  };
  const options = optionsFor('none');
  const create = (
    where: CassandraOptions,
    replicationFactor: number | null,
    through?: Client,
  ): Promise<void> =>
    migrate({
      options: where,
      replicationFactor,
      migrations,
      report: () => undefined,
      ...(through && { client: through }),
    });
  /** As if the cluster were on another host: only the contact points in the options differ. */
  const elsewhere = (where: CassandraOptions): CassandraOptions => ({
    ...where,
    contactPoints: ['cassandra-1.example.com:9042'],
  });

  it('is one on a single local node', async () => {
    const local = freshOptions();
    await create(local, null);
    expect(await replicationOf(local)).toBe('1');
  });

  it.each(['10.0.0.7:9042', 'cassandra-1.example.com:9042', '[fd00::1]:9042'])(
    'is required where %s is a contact point, and nothing is created without it',
    async (point) => {
      const local = freshOptions();
      const remote = { ...local, contactPoints: [...local.contactPoints, point] };
      const refused = create(remote, null, makeClient(local, null));
      await expect(refused).rejects.toThrow(MigrationError);
      await expect(refused).rejects.toThrow(/CASSANDRA_REPLICATION_FACTOR or --replication-factor/);
      expect(await replicationOf(local)).toBeUndefined();
    },
  );

  it('is the given one', async () => {
    const local = freshOptions();
    await create(elsewhere(local), 1, makeClient(local, null));
    expect(await replicationOf(local)).toBe('1');
  });

  it('is not required if the keyspace exists', async () => {
    const local = freshOptions();
    await create(local, 1);
    await create(elsewhere(local), null, makeClient(local, null));
    expect(await replicationOf(local)).toBe('1');
  });
});

describe('declaring the event log incomplete', () => {
  const startOf = async (options: CassandraOptions): Promise<number> => {
    const other = makeClient(options);
    const consistency = { read: types.consistencies.localQuorum, write: types.consistencies.localQuorum };
    const session = makeSession(other, () => true, {
      consistency: { ...consistency, serial: types.consistencies.localSerial },
      localDatacenter: options.localDatacenter,
      readTimeoutMs: 4_500,
      transactionTimeoutMs: 5_000,
    });
    const state = new EventLogState({ clock, retentionDays: options.eventRetentionDays });
    await other.connect();
    await state.storeRetention(session);
    await other.shutdown();
    return microsecondsOf(state.start()) / 1_000;
  };

  it('moves its start above every cursor of a process that has not read it yet, before and after a service has used the keyspace', async () => {
    for (const isUsed of [false, true]) {
      const options = freshOptions();
      await run(options);
      if (isUsed) expect(await startOf(options)).toBeLessThan(Date.now() - 86_400_000);
      const begun = Date.now();
      const since = await declareEventLogIncomplete(options);
      expect(since.getTime()).toBeGreaterThanOrEqual(begun + 30_000);
      expect(await startOf(options)).toBe(since.getTime());
    }
  });

  it.each([-3_600_000, 3_600_000])('refuses on a host whose clock is %i ms ahead', async (ahead) => {
    const options = freshOptions();
    await run(options);
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ahead });
    await expect(declareEventLogIncomplete(options)).rejects.toThrow(MigrationError);
    vi.useRealTimers();
    expect(await startOf(options)).toBeLessThan(Date.now() - 86_400_000);
  });

  it('never moves it back', async () => {
    const options = freshOptions();
    await run(options);
    const since = await declareEventLogIncomplete(options);
    const both = await Promise.all([declareEventLogIncomplete(options), declareEventLogIncomplete(options)]);
    for (const later of both) expect(later.getTime()).toBeGreaterThanOrEqual(since.getTime());
    expect(await startOf(options)).toBe(Math.max(...both.map((date) => date.getTime())));
  });
});

describe('npm run migrate', () => {
  const command = (
    { contactPoints, localDatacenter, keyspace }: CassandraOptions,
    ...args: readonly string[]
  ): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const env = {
        ...process.env,
        CASSANDRA_CONTACT_POINTS: contactPoints.join(),
        CASSANDRA_LOCAL_DATACENTER: localDatacenter,
        CASSANDRA_KEYSPACE: keyspace,
        CASSANDRA_REPLICATION_FACTOR: '',
      };
      const child = execFile(
        process.execPath,
        ['--import', 'tsx', 'scripts/migrate.ts', ...args],
        { env },
        (_, out, err) => resolve({ code: child.exitCode ?? -1, out, err }),
      );
    });

  it('accepts a replication factor, and declares the event log incomplete on request', async () => {
    const options = freshOptions();
    const { code, out } = await command(options, '--replication-factor', '1', '--event-log-incomplete');
    expect(out).toContain(`${options.keyspace} is at version ${SCHEMA_VERSION}`);
    expect(out).toMatch(
      /The event log is declared complete since \d{4}-.*Z\. Processes of the service read it/,
    );
    expect(code).toBe(0);
  });

  it.each([
    ['--replication-factor', '0'],
    ['--replication-factor', 'three'],
    ['--unknown', 'x'],
  ])('exits with 2 after %s %s', async (...args) => {
    const { code, err } = await command(freshOptions(), ...args);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('See --help') });
  });

  it('prints its options', async () => {
    const { code, out } = await command(freshOptions(), '--help');
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('--event-log-incomplete') });
  });
});

describe('a service refuses to start and reports what to change', () => {
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

  it('in an unknown datacenter', async () => {
    expect(await refusal({ ...freshOptions(), localDatacenter: 'nowhere' })).toMatch(
      /no datacenter nowhere .*datacenter1/,
    );
  });
});

it('a service keeps serving after the next migration, and starts with it', async () => {
  const options = freshOptions();
  await run(options, migrations);
  const before = openCassandraStorage({
    options,
    clock,
    messageIds: makeMessageIds({ clock }),
    log: guardedLog,
  });
  await before.started;
  const next: Migration = { version: SCHEMA_VERSION + 1, name: '999_next.cql', text: '' };
  await run(options, [...migrations, next]);
  expect(await before.readinessProblems()).toEqual([]);
  await before.close();
  const after = openCassandraStorage({
    options,
    clock,
    messageIds: makeMessageIds({ clock }),
    log: guardedLog,
  });
  await after.started;
  await after.close();
});

it('unreachable storage reports that, and refuses at once', async () => {
  const options = { ...optionsFor('none'), contactPoints: ['127.0.0.1:1'] };
  const storage = openCassandraStorage({
    options,
    clock,
    messageIds: makeMessageIds({ clock }),
    log: guardedLog,
  });
  const closed = expect(storage.started).rejects.toThrow('Closed before');
  expect(await storage.readinessProblems()).toEqual(['Cassandra is not connected yet.']);
  await expect(
    storage.conversations.find('6f1c2f6e-6a53-5b0e-9d5e-0c7a3f1b8d24' as never),
  ).rejects.toMatchObject({ kind: 'unavailable' });
  await storage.close();
  await closed;
});
