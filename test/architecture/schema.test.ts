import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const folder = new URL('../../cql/', import.meta.url);

/** What a service that does not know of it yet, or no longer, can live with. */
const ADDS = /^(CREATE TABLE IF NOT EXISTS|ALTER TABLE \w+ ADD IF NOT EXISTS) /;

function statementsOf(text: string): string[] {
  return text
    .replace(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.replace(/\s+/g, ' ').trim())
    .filter((statement) => statement !== '');
}

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
