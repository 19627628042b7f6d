import { answersCql } from './cql.ts';
import { heldClaim } from './folder-claim.ts';
import { projectCluster } from './project-cluster.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where data, logs and configuration of the clusters lie that people of this project run. */
const FOLDERS = Array.from({ length: 9 }, (_, index) => projectCluster(index + 1).directory);

/**
 * `env` with a storage: its own; Cassandra if only contact points are set; or the local Cassandra that
 * `npm run cassandra` or `npm run start:cassandra` runs, if it answers. Null if there is none of these.
 */
export async function withLocalCassandra(
  env: Environment,
  folders: readonly string[] = FOLDERS,
): Promise<Environment | null> {
  if (env['STORAGE']) return env;
  if (env['CASSANDRA_CONTACT_POINTS']) return { ...env, STORAGE: 'cassandra' };
  for (const folder of folders) {
    const contactPoints = heldClaim(folder)?.contactPoints ?? [];
    const [address = '', port] = contactPoints[0]?.split(':') ?? [];
    if (port === undefined || !(await answersCql(address, Number(port)))) continue;
    return { ...env, STORAGE: 'cassandra', CASSANDRA_CONTACT_POINTS: contactPoints.join(',') };
  }
  return null;
}
