import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readMigrations } from '../../scripts/migrations.ts';
import { statementsOf } from '../../src/adapters/cassandra/migrate.ts';
import { SCHEMA_VERSION } from '../../src/adapters/cassandra/storage.ts';
import { tables } from '../support/tables.ts';

const folder = new URL('../../cql/', import.meta.url);

/** Statements that are compatible with services of an older or newer schema version. */
const ADDS = /^(CREATE\s+TABLE\s+IF\s+NOT\s+EXISTS|ALTER\s+TABLE\s+\w+\s+ADD\s+IF\s+NOT\s+EXISTS)\s/;

test('the service needs the version of the last file, and the files are numbered without gaps', () => {
  const versions = readMigrations().map(({ version }) => version);
  expect(SCHEMA_VERSION, 'SCHEMA_VERSION in src/adapters/cassandra/storage.ts').toBe(versions.at(-1));
  expect(versions).toEqual(Array.from(readdirSync(folder), (_, index) => index + 1));
});

/** Tables that verify.ts has no statement for, with the reason. The file of a later one gives it in its own comment. */
const WITHOUT_STATEMENT = {
  users: 'a row depends on no other row',
  event_log: 'it has one row',
  messages_by_idempotency_key: 'a key without a message belongs to a send that is repeated or has failed',
  former_members: 'memberships are read by findMember of group-repository.ts',
};

test('npm run verify reads every table, or the file of the table says why it does not', () => {
  const statements = ['verify.ts', 'inspection.ts']
    .map((file) => readFileSync(new URL(`../../src/adapters/cassandra/${file}`, import.meta.url), 'utf8'))
    .join('');
  const unexplained = tables()
    .filter(
      ({ name, text }) => !new RegExp(`FROM ${name}\\b`).test(statements) && !text.includes('npm run verify'),
    )
    .map(({ name }) => name)
    .filter((name) => !(name in WITHOUT_STATEMENT));
  expect(unexplained, 'not in verify.ts, and no comment in cql/ that names npm run verify').toEqual([]);
});

const addsOnly = (text: string): boolean => statementsOf(text).every((statement) => ADDS.test(statement));

describe('a migration only adds, so that it can run before a rolling update', () => {
  test.each(readdirSync(folder))('%s', (name) => {
    const text = readFileSync(new URL(name, folder), 'utf8');
    expect(statementsOf(text).length).toBeGreaterThan(0);
    expect(addsOnly(text)).toBe(true);
  });

  test.each([
    'DROP TABLE users;',
    'ALTER TABLE users DROP username;',
    'ALTER TABLE users RENAME user_id TO id;',
    'CREATE TABLE users (user_id text PRIMARY KEY);',
    'CREATE TABLE IF NOT EXISTS a (b int PRIMARY KEY); TRUNCATE users;',
  ])('which this does not: %s', (text) => {
    expect(addsOnly(text)).toBe(false);
  });
});
