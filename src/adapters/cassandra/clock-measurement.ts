import { policies, types, type Client, type Host } from 'cassandra-driver';
import type { ReferenceClocks } from '../../application/ports/reference-clocks.ts';

/** The wall clock of the node that answers, unlike that of `now()`, which never goes back. */
const NODE_TIME = `SELECT currentTimestamp() AS node_time FROM system.local`;

/** How long a node may take: an answer that comes later says little about its clock. */
const READ_TIMEOUT_MS = 2_000;

/** The clocks of the nodes that `client` is connected to. Each node is asked itself, once. */
export function cassandraClocks(client: Client): ReferenceClocks {
  const retry = new policies.retry.FallthroughRetryPolicy();
  return {
    nodes: () =>
      client
        .getState()
        .getConnectedHosts()
        .map((host) => host.address),

    async read(node) {
      const host = client.hosts.get(node) as Host | undefined;
      if (host === undefined) throw new Error(`${node} has left the cluster`);
      const { rows } = await client.execute(NODE_TIME, [], {
        host,
        retry,
        prepare: false,
        consistency: types.consistencies.one,
        // A second execution elsewhere would read another clock.
        isIdempotent: false,
        readTimeout: READ_TIMEOUT_MS,
      });
      return (rows[0]?.['node_time'] as Date).getTime();
    },
  };
}

/**
 * By how many milliseconds this host's clock differs from that of a node at least; the median of all nodes. For commands;
 * the service measures all the time. Rejects where a node does not answer.
 */
export async function clockSkewOf(clocks: ReferenceClocks): Promise<number> {
  const skews = await Promise.all(
    clocks.nodes().map(async (node) => {
      const asked = Date.now();
      const time = await clocks.read(node);
      return Math.max(asked - time, time - Date.now(), 0);
    }),
  );
  return skews.sort((a, b) => a - b)[skews.length >> 1] ?? 0;
}
