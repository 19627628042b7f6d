import type { Row } from './session.ts';

/**
 * The stored shape that this code reads and writes: the number of the last file in `cql/`. A service starts on this
 * one alone.
 */
export const SCHEMA_VERSION = 7;

/** Which migrations were applied, and how long ago Cassandra's clock says that this was asked, in one read. */
export const SCHEMA_STATE = `
  SELECT version, toTimestamp(now()) AS server_time FROM schema_migrations WHERE scope = 'messenger'`;

/** What is wrong with the schema that holds these migrations, in a sentence for people; null if it is ours. */
export function schemaFlaw(rows: readonly Row[]): string | null {
  const version = Math.max(0, ...rows.map((row) => (row['version'] as number | null) ?? 0));
  if (version === SCHEMA_VERSION) return null;
  return version < SCHEMA_VERSION
    ? `The schema is at version ${version}, and this service needs ${SCHEMA_VERSION}: run "npm run migrate".`
    : `The schema is at version ${version}, and this service knows ${SCHEMA_VERSION}: start a newer service.`;
}
