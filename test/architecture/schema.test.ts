import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readMigrations } from '../../scripts/migrations.ts';
import { statementsOf } from '../../src/adapters/cassandra/migrate.ts';
import { SCHEMA_VERSION } from '../../src/adapters/cassandra/storage.ts';

const folder = new URL('../../cql/', import.meta.url);

/** Statements that are compatible with services of an older or newer schema version. */
const ADDS = /^(CREATE\s+TABLE\s+IF\s+NOT\s+EXISTS|ALTER\s+TABLE\s+\w+\s+ADD\s+IF\s+NOT\s+EXISTS)\s/;

test('the service needs the version of the last file, and the files are numbered without gaps', () => {
  const versions = readMigrations().map(({ version }) => version);
  expect(SCHEMA_VERSION, 'SCHEMA_VERSION in src/adapters/cassandra/storage.ts').toBe(versions.at(-1));
  expect(versions).toEqual(Array.from(readdirSync(folder), (_, index) => index + 1));
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
