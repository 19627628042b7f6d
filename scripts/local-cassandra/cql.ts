import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { auth, Client, policies, types } from 'cassandra-driver';
import { localDatacenter } from './node-files.ts';

const optionsRequest = Buffer.from([4, 0, 0, 0, 5, 0, 0, 0, 0]);
const supportedOpcode = 6;

/** Whether the port answers an OPTIONS request of CQL's native protocol, which asks for no login, within a second. */
export function answersCql(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address, () => socket.write(optionsRequest));
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (frame) => end(frame[4] === supportedOpcode));
    socket.once('error', () => end(false));
    socket.once('end', () => end(false));
    socket.setTimeout(1000, () => end(false));
  });
}

async function readFromAll(contactPoint: string): Promise<void> {
  const client = new Client({
    contactPoints: [contactPoint],
    localDataCenter: localDatacenter,
    // The role that a new cluster has; one that asks for no login ignores it.
    authProvider: new auth.PlainTextAuthProvider('cassandra', 'cassandra'),
    policies: {
      loadBalancing: new policies.loadBalancing.AllowListPolicy(
        new policies.loadBalancing.RoundRobinPolicy(),
        [contactPoint],
      ),
    },
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 1 } },
    socketOptions: { connectTimeout: 2000, readTimeout: 2000 },
  });
  try {
    await client.execute('SELECT * FROM system_distributed.view_build_status', [], {
      consistency: types.consistencies.all,
    });
  } finally {
    await client.shutdown();
  }
}

/**
 * Resolves when the node at this contact point sees every node of the cluster as up, that is, when a read at ALL
 * of a table that each node holds comes back from it; rejects with the last refusal after `boundMs`.
 */
export async function seesEveryNode(
  contactPoint: string,
  { boundMs, signal }: { boundMs: number; signal: AbortSignal | undefined },
): Promise<void> {
  const deadline = Date.now() + boundMs;
  for (;;) {
    try {
      return await readFromAll(contactPoint);
    } catch (error) {
      signal?.throwIfAborted();
      if (Date.now() > deadline) throw error;
      await wait(200);
    }
  }
}
