import { strict as assert } from 'node:assert';
import { Client, policies, types } from 'cassandra-driver';
import type { LocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import type { Attempt } from './load.ts';

/** How many replicas an acknowledged write is on: what LOCAL_QUORUM waits for, of three. */
const QUORUM = 2;

/** How the replicaCounts of acknowledged messages are spread. */
export interface ReplicaCounts {
  readonly acknowledged: number;
  /** How many of them each node lacks. */
  readonly missing: readonly number[];
  /** How many of them are on too few nodes for every reader to find them. */
  readonly tooFew: number;
}

/**
 * Asks each node of `cluster`, of which every one has a replica of everything, which of the messages that were
 * acknowledged in `attempts` it holds itself. To be asked before a reader has mended what it found missing.
 */
export async function replicaCountsOf(
  cluster: LocalCluster,
  attempts: readonly Attempt[],
): Promise<ReplicaCounts> {
  const held = await Promise.all(
    cluster.nodes.map(({ address, port }) => messageIdsOn(address, port, cluster.localDatacenter)),
  );
  const ids = attempts.flatMap(({ messageId }) => (messageId === null ? [] : [messageId]));
  assert.ok(ids.length > 0, 'nothing was acknowledged');
  return {
    acknowledged: ids.length,
    missing: held.map((node) => ids.filter((id) => !node.has(id)).length),
    tooFew: ids.filter((id) => held.filter((node) => node.has(id)).length < QUORUM).length,
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
    // A node that has a replica itself answers a read of one replica from it.
    const consistency = types.consistencies.one;
    const rows = await client.execute(MESSAGES, [], { consistency, fetchSize: 1_000 });
    for await (const row of rows) ids.add(String(row['message_id']));
  } finally {
    await client.shutdown();
  }
  return ids;
}
