import { strict as assert } from 'node:assert';
import { startLocalCluster, type LocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import { runScript, type Environment } from './service.ts';

/** Starts a cluster with its data in `directory`, apart from any other on this host. */
export function startCluster(deps: {
  readonly directory: string;
  readonly nodes: 1 | 3;
  readonly yaml?: Readonly<Record<string, unknown>>;
  readonly heapMb?: number;
  readonly signal: AbortSignal;
}): Promise<LocalCluster> {
  const { nodes, ...options } = deps;
  return startLocalCluster({
    heapMb: 512,
    ...options,
    addresses: ['127.0.3.1', '127.0.3.2', '127.0.3.3'].slice(0, nodes),
    nativePort: 9342,
    storagePort: 7300,
    // A node that starts under load is not to take the processors from the service.
    javaOptions: ['-XX:TieredStopAtLevel=1'],
    log: (line) => console.error(line),
  });
}

/** The environment in which the service and the scripts find `cluster`. */
export function environmentOf({ contactPoints, localDatacenter, nodes }: LocalCluster): Environment {
  return {
    CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
    CASSANDRA_LOCAL_DATACENTER: localDatacenter,
    CASSANDRA_REPLICATION_FACTOR: String(nodes.length),
  };
}

/** Brings the schema to a cluster. */
export async function migrate(environment: Environment): Promise<void> {
  const { code, output } = await runScript('migrate', [], environment);
  assert.equal(code, 0, output);
}

/** Brings back the nodes that a scenario has left dead or hanging. */
export async function restore(cluster: LocalCluster): Promise<void> {
  for (const node of cluster.nodes) {
    if (node.pid === null) await node.start();
    else node.resume();
  }
  await cluster.settled();
}

/** Walks the whole keyspace, with what is asked for, and gives the number of flaws that were found and are left. */
export async function scan(
  environment: Environment,
  ...args: readonly string[]
): Promise<{ found: number; left: number; output: string }> {
  const { code, output } = await runScript(
    'verify',
    ['--json', '--rate', '100000', '--settle', '3', ...args],
    environment,
  );
  const last = output.split('\n').find((line) => line.startsWith('{"summary"'));
  assert.ok(last !== undefined && code !== 2, output);
  const { summary } = JSON.parse(last);
  const found = Object.values<{ found: number }>(summary.inconsistencies).reduce(
    (sum, kind) => sum + kind.found,
    0,
  );
  return { found, left: summary.left, output };
}
