import { strict as assert } from 'node:assert';
import { Client, policies, types } from 'cassandra-driver';
import type { LocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import type { Attempt } from './load.ts';

/** The replicas that have an acknowledged write: LOCAL_QUORUM waits for two of three. */
const QUORUM = 2;

/** The replicas of acknowledged messages. */
export interface ReplicaCounts {
  readonly acknowledged: number;
  /** The number of them that each node lacks. */
  readonly missing: readonly number[];
  /** The number of them on fewer nodes than a quorum, so that a reader may miss them. */
  readonly tooFew: number;
}

/**
 * Reads from each node of `cluster`, which all have replicas of everything, which messages acknowledged in `attempts` it
 * stores. Call it before other reads, since these repair replicas.
 */
export async function replicaCountsOf(
  cluster: LocalCluster,
  attempts: readonly Attempt[],
): Promise<ReplicaCounts> {
  const replicas = await Promise.all(
    cluster.nodes.map(({ address, port }) => messageIdsOn(address, port, cluster.localDatacenter)),
  );
  const ids = attempts.flatMap(({ messageId }) => (messageId === null ? [] : [messageId]));
  assert.ok(ids.length > 0, 'nothing was acknowledged');
  return {
    acknowledged: ids.length,
    missing: replicas.map((node) => ids.filter((id) => !node.has(id)).length),
    tooFew: ids.filter((id) => replicas.filter((node) => node.has(id)).length < QUORUM).length,
  };
}

const MESSAGES = 'SELECT message_id FROM messages_by_conversation';

/** The ids of all messages on one node. */
async function messageIdsOn(address: string, port: number, localDataCenter: string): Promise<Set<string>> {
  const { AllowListPolicy, RoundRobinPolicy } = policies.loadBalancing;
  const client = new Client({
    contactPoints: [address],
    localDataCenter,
    keyspace: 'messenger',
    protocolOptions: { port },
    policies: { loadBalancing: new AllowListPolicy(new RoundRobinPolicy(), [`${address}:${port}`]) },
  });
  const ids = new Set<string>();
  try {
    // With consistency ONE, a node that has a replica reads its own.
    const consistency = types.consistencies.one;
    const rows = await client.execute(MESSAGES, [], { consistency, fetchSize: 1_000 });
    for await (const row of rows) ids.add(String(row['message_id']));
  } finally {
    await client.shutdown();
  }
  return ids;
}
