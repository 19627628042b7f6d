import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Migration } from '../src/adapters/cassandra/migrate.ts';
import { projectFolder } from './local-cassandra/project.ts';

/** The migrations in `cql/`, in order of their versions. */
export function readMigrations(): Migration[] {
  const folder = join(projectFolder, 'cql');
  return readdirSync(folder)
    .filter((name) => /^\d{3}_\w+\.cql$/.test(name))
    .sort()
    .map((name) => ({
      version: Number(name.slice(0, 3)),
      name,
      text: readFileSync(join(folder, name), 'utf8'),
    }));
}
