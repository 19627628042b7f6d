import { prepared } from './prepared-statements.ts';
import type { Row } from './session.ts';

/**
 * The stored shape that this code reads and writes: the number of the last file in `cql/`. A service serves on this
 * one and on later ones, since files in `cql/` only add: so the migration runs before a rolling update, and the service
 * from before can be brought back.
 */
export const SCHEMA_VERSION = 11;

/** Which migrations were applied. */
export const SCHEMA_STATE = prepared(`SELECT version FROM schema_migrations WHERE scope = 'messenger'`);

/** What is wrong with the schema that holds these migrations, in a sentence for people; null if it will do. */
export function schemaError(rows: readonly Row[]): string | null {
  const version = Math.max(0, ...rows.map((row) => (row['version'] as number | null) ?? 0));
  if (version >= SCHEMA_VERSION) return null;
  return `The schema is at version ${version}, and this service needs ${SCHEMA_VERSION}: run "npm run migrate".`;
}
