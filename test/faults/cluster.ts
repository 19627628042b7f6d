import { strict as assert } from 'node:assert';
import { startLocalCluster, type LocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import { runScript, type Environment } from './service.ts';

/** Starts a cluster with its data in `directory`. Its addresses differ from those of other clusters on this host. */
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
    // So that a node that starts under load leaves processor time to the service.
    javaOptions: ['-XX:TieredStopAtLevel=1'],
    log: (line) => console.error(line),
  });
}

/** The environment variables with which the service and the scripts connect to `cluster`. */
export function environmentOf({ contactPoints, localDatacenter, nodes }: LocalCluster): Environment {
  return {
    CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
    CASSANDRA_LOCAL_DATACENTER: localDatacenter,
    CASSANDRA_REPLICATION_FACTOR: String(nodes.length),
  };
}

/** Migrates the schema of a cluster. */
export async function migrate(environment: Environment): Promise<void> {
  const { code, output } = await runScript('migrate', [], environment);
  assert.equal(code, 0, output);
}

/** Restarts or resumes the nodes that a scenario has killed or suspended. */
export async function restore(cluster: LocalCluster): Promise<void> {
  for (const node of cluster.nodes) {
    if (node.pid === null) await node.start();
    else node.resume();
  }
  await cluster.waitUntilUp();
}

/** Scans the keyspace with the arguments `args`. Resolves with the inconsistencies that were found, and those that are left. */
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
