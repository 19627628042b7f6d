import { once } from 'node:events';
import { mkdirSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { auth, Client, policies, types } from 'cassandra-driver';
import { leftoverProcess, localDatacenter, localNode, writeNodeFiles, type LocalNode } from './local-node.ts';
import { meetRequirements } from './requirements.ts';
import { claimFolder, LocalCassandraError } from './running.ts';

export { localCassandraMissing } from './requirements.ts';
export { LocalCassandraError, type LocalCassandraFailure } from './running.ts';
export { type LocalNode } from './local-node.ts';

const settleBoundMs = 120_000;

export interface LocalClusterOptions {
  /** Where data, logs and configuration live; made where it is not there. */
  readonly directory: string;
  /** One address of this host for each node, such as 127.0.1.1 to 127.0.1.3. The same ones for the same directory. */
  readonly addresses: readonly string[];
  /** The port of CQL, the same for each node. */
  readonly nativePort: number;
  /** The port on which the nodes talk to each other. */
  readonly storagePort: number;
  /** The heap of each node, 512 unless told. As root a node takes about 400 MB more than its heap. */
  readonly heapMb?: number;
  /** Settings for cassandra.yaml, over those that are made here. */
  readonly yaml?: Readonly<Record<string, unknown>>;
  /** Further options for Java, such as -XX:TieredStopAtLevel=1, which halves the CPU that a start takes. */
  readonly javaOptions?: readonly string[];
  /** Is told the progress, in lines for people. */
  readonly log?: (line: string) => void;
  /** Ends a start that is under way: what was started is stopped, and the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Settings for tests on a busy host, which may not complete a write within the two seconds that are the default. */
export const LONG_TIMEOUTS = {
  read_request_timeout: '20000ms',
  range_request_timeout: '20000ms',
  write_request_timeout: '20000ms',
  cas_contention_timeout: '20000ms',
};

export interface LocalCluster {
  /** `address:port` of each node. */
  readonly contactPoints: readonly string[];
  readonly localDatacenter: string;
  readonly nodes: readonly LocalNode[];
  /** Resolves when each running node sees every node of the cluster as up; rejects after two minutes. */
  settled(): Promise<void>;
  /** Stops all nodes and gives the directory up. The data stay. */
  stop(): Promise<void>;
}

/** Binds the port for a moment, so that who is in the way is said here and not in a node's log. */
async function refuseTakenPort(host: string, port: number): Promise<void> {
  const server = createServer().listen({ host, port, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message =
      code === 'EADDRINUSE'
        ? `The port ${host}:${port} is taken by another process.`
        : `This host has no address ${host} to listen on (${code}; on macOS: sudo ifconfig lo0 alias ${host}).`;
    throw new LocalCassandraError('port_taken', message);
  }
  server.close();
  await once(server, 'close');
}

/**
 * Starts a real Cassandra cluster, whose nodes end with this process. Resolves when each node answers CQL and sees
 * all the others. Throws a LocalCassandraError where it can't be, and never touches a node that it did not start.
 */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const { addresses, nativePort, storagePort, log = () => {}, signal } = options;
  mkdirSync(options.directory, { recursive: true });
  // A node is known by the folder on its command line, so that must have one name only.
  const directory = realpathSync(options.directory);
  const contactPoints = addresses.map((address) => `${address}:${nativePort}`);
  const giveUpFolder = claimFolder(directory, contactPoints);
  let nodes: readonly LocalNode[] = [];

  async function stop(): Promise<void> {
    await Promise.all(nodes.map((node) => node.stop()));
    giveUpFolder();
  }

  async function settled(): Promise<void> {
    const running = nodes.filter((node) => node.pid !== null);
    await Promise.all(
      running.map((node) =>
        seesEveryNode(`${node.address}:${node.port}`, { boundMs: settleBoundMs, signal }),
      ),
    );
  }

  async function startNode(node: LocalNode): Promise<void> {
    const begun = Date.now();
    await node.start();
    log(`${node.address}:${node.port} answers after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  }

  try {
    const places = addresses.map((address) => ({ address, folder: join(directory, address) }));
    for (const { address, folder } of places) {
      const pid = leftoverProcess(folder);
      if (pid === null) continue;
      throw new LocalCassandraError(
        'already_running',
        `A node of the cluster in ${directory} is still running at ${address}:${nativePort}, as process ${pid}; ` +
          `the process that started it is gone. \`kill ${pid}\` stops it.`,
      );
    }
    for (const address of addresses) {
      await refuseTakenPort(address, nativePort);
      await refuseTakenPort(address, storagePort);
    }
    const { javaHome, jars } = await meetRequirements({ log, signal });
    const { heapMb = 512, yaml = {}, javaOptions = [] } = options;
    await Promise.all(
      places.map(({ folder }, index) =>
        writeNodeFiles({
          folder,
          addresses,
          index,
          nativePort,
          storagePort,
          heapMb,
          yaml,
          javaOptions,
          jars,
        }),
      ),
    );
    nodes = places.map(({ address, folder }) =>
      localNode({ folder, address, port: nativePort, javaHome, signal }),
    );

    log(`Cassandra starts in ${directory}`);
    const [seed, ...others] = nodes;
    if (!seed) throw new Error('a cluster needs at least one address');
    await startNode(seed);
    const starts = await Promise.allSettled(others.map(startNode));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    await settled();
    signal?.throwIfAborted();
    return { contactPoints, localDatacenter, nodes, settled, stop };
  } catch (error) {
    await stop();
    throw error;
  }
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
async function seesEveryNode(
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
