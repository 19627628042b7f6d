import { prepared } from './prepared-statements.ts';
import type { Row } from './session.ts';

/**
 * The schema version that this code needs: the number of the last file in `cql/`. The service works with this version and
 * with later ones, since files in `cql/` only add: so the migration runs before a rolling update, and the previous
 * release can be restored.
 */
export const SCHEMA_VERSION = 12;

/** The applied migrations. */
export const SCHEMA_STATE = prepared(`SELECT version FROM schema_migrations WHERE scope = 'messenger'`);

/** Why a schema with these migrations is too old, as a sentence for operators; null if it is not. */
export function schemaError(rows: readonly Row[]): string | null {
  const version = Math.max(0, ...rows.map((row) => (row['version'] as number | null) ?? 0));
  if (version >= SCHEMA_VERSION) return null;
  return `The schema is at version ${version}, and this service needs ${SCHEMA_VERSION}: run "npm run migrate".`;
}
