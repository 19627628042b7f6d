import { answersCql } from './cql.ts';
import { heldClaim } from './folder-claim.ts';
import { projectCluster } from './project-cluster.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where data, logs and configuration of the clusters lie that people of this project run. */
const FOLDERS = Array.from({ length: 9 }, (_, index) => projectCluster(index + 1).directory);

/**
 * `env`, with the settings of the local Cassandra in place of those that it leaves out: where it names neither a storage
 * nor contact points, and `npm run cassandra` or `npm run start:cassandra` runs one that answers. Null where there is
 * none such, and `env` itself where it says what to use.
 */
export async function withLocalCassandra(
  env: Environment,
  folders: readonly string[] = FOLDERS,
): Promise<Environment | null> {
  if (env['STORAGE'] || env['CASSANDRA_CONTACT_POINTS']) return env;
  for (const folder of folders) {
    const contactPoints = heldClaim(folder)?.contactPoints ?? [];
    const [address = '', port] = contactPoints[0]?.split(':') ?? [];
    if (port === undefined || !(await answersCql(address, Number(port)))) continue;
    return { ...env, STORAGE: 'cassandra', CASSANDRA_CONTACT_POINTS: contactPoints.join(',') };
  }
  return null;
}
