import { policies, types, type Client, type Host } from 'cassandra-driver';
import type { ReferenceClocks } from '../../application/ports/reference-clocks.ts';

/** The wall clock of the coordinator. `now()` is not usable, because its clock never goes back. */
const NODE_TIME = `SELECT currentTimestamp() AS node_time FROM system.local`;

/** The timeout of a query: a later response would give a very inexact time. */
const READ_TIMEOUT_MS = 2_000;

/** The clocks of the nodes that `client` is connected to. Each node is queried itself, without retries. */
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
        // A speculative execution would read the clock of another node.
        isIdempotent: false,
        readTimeout: READ_TIMEOUT_MS,
      });
      return (rows[0]?.['node_time'] as Date).getTime();
    },
  };
}

/**
 * The minimum difference between this host's clock and that of a node, in milliseconds; the median of all nodes. For
 * command-line tools; the service measures continuously. Rejects if a node does not respond.
 */
export async function clockSkewOf(clocks: ReferenceClocks): Promise<number> {
  const skews = await Promise.all(
    clocks.nodes().map(async (node) => {
      const sentAt = Date.now();
      const time = await clocks.read(node);
      return Math.max(sentAt - time, time - Date.now(), 0);
    }),
  );
  return skews.sort((a, b) => a - b)[skews.length >> 1] ?? 0;
}
