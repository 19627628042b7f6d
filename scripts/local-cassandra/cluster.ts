import { once } from 'node:events';
import { mkdirSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { auth, Client, policies, types } from 'cassandra-driver';
import { leftoverProcess, localDatacenter, localNode, writeNodeFiles, type LocalNode } from './local-node.ts';
import { meetRequirements } from './requirements.ts';
import { lockFolder, LocalCassandraError } from './running.ts';

export { localCassandraMissing } from './requirements.ts';
export { LocalCassandraError, type LocalCassandraFailure } from './running.ts';
export { type LocalNode } from './local-node.ts';

const settleBoundMs = 120_000;

export interface LocalClusterOptions {
  /** The folder of data, logs and configuration. It is created if it does not exist. */
  readonly directory: string;
  /** One address of this host for each node, such as 127.0.1.1 to 127.0.1.3. A directory always needs the same addresses. */
  readonly addresses: readonly string[];
  /** The port of CQL, the same for each node. */
  readonly nativePort: number;
  /** The port for the traffic between the nodes. */
  readonly storagePort: number;
  /** The heap of each node in MB; default 512. A node that runs as root takes about 400 MB more than its heap. */
  readonly heapMb?: number;
  /** Settings for cassandra.yaml, which override the defaults of this module. */
  readonly yaml?: Readonly<Record<string, unknown>>;
  /** Further options for Java, such as -XX:TieredStopAtLevel=1, which halves the CPU time of a start. */
  readonly javaOptions?: readonly string[];
  /** Called with each line of progress, for people. */
  readonly log?: (line: string) => void;
  /** Aborts a start: the nodes that were started are stopped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Settings for tests on a busy host: there, a write may take longer than the default timeout of two seconds. */
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
  /** Resolves when each running node considers all nodes of the cluster up; rejects after two minutes. */
  waitUntilUp(): Promise<void>;
  /** Stops all nodes and releases the directory. The data stay. */
  stop(): Promise<void>;
}

/** Throws a `LocalCassandraError` if the port cannot be bound. Otherwise the error would only be in the log of a node. */
async function requireFreePort(host: string, port: number): Promise<void> {
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
 * Starts a real Cassandra cluster, whose nodes end with this process. Resolves when each node accepts CQL and considers
 * all other nodes up. Throws a `LocalCassandraError` if it fails. It never stops a node that it did not start.
 */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const { addresses, nativePort, storagePort, log = () => {}, signal } = options;
  mkdirSync(options.directory, { recursive: true });
  // A node is identified by the folder on its command line, so the path must be unambiguous.
  const directory = realpathSync(options.directory);
  const contactPoints = addresses.map((address) => `${address}:${nativePort}`);
  const unlockFolder = lockFolder(directory, contactPoints);
  let nodes: readonly LocalNode[] = [];

  async function stop(): Promise<void> {
    await Promise.all(nodes.map((node) => node.stop()));
    unlockFolder();
  }

  async function waitUntilUp(): Promise<void> {
    const running = nodes.filter((node) => node.pid !== null);
    await Promise.all(
      running.map((node) =>
        waitUntilAllNodesAreUp(`${node.address}:${node.port}`, { boundMs: settleBoundMs, signal }),
      ),
    );
  }

  async function startNode(node: LocalNode): Promise<void> {
    const startedAt = Date.now();
    await node.start();
    log(`${node.address}:${node.port} is ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  }

  try {
    const nodeFolders = addresses.map((address) => ({ address, folder: join(directory, address) }));
    for (const { address, folder } of nodeFolders) {
      const pid = leftoverProcess(folder);
      if (pid === null) continue;
      throw new LocalCassandraError(
        'already_running',
        `A node of the cluster in ${directory} is still running at ${address}:${nativePort}, as process ${pid}; ` +
          `the process that started it has ended. \`kill ${pid}\` stops it.`,
      );
    }
    for (const address of addresses) {
      await requireFreePort(address, nativePort);
      await requireFreePort(address, storagePort);
    }
    const { javaHome, jars } = await meetRequirements({ log, signal });
    const { heapMb = 512, yaml = {}, javaOptions = [] } = options;
    await Promise.all(
      nodeFolders.map(({ folder }, index) =>
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
    nodes = nodeFolders.map(({ address, folder }) =>
      localNode({ folder, address, port: nativePort, javaHome, signal }),
    );

    log(`Starting Cassandra in ${directory}`);
    const [seed, ...others] = nodes;
    if (!seed) throw new Error('a cluster needs at least one address');
    await startNode(seed);
    const starts = await Promise.allSettled(others.map(startNode));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    await waitUntilUp();
    signal?.throwIfAborted();
    return { contactPoints, localDatacenter, nodes, waitUntilUp, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function readFromAll(contactPoint: string): Promise<void> {
  const client = new Client({
    contactPoints: [contactPoint],
    localDataCenter: localDatacenter,
    // The default role of a new cluster. A cluster without authentication ignores it.
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
 * Resolves when the node at this contact point considers all nodes of the cluster up: when a read with consistency ALL
 * succeeds, of a table that is replicated to every node. Rejects with the last error after `boundMs`.
 */
async function waitUntilAllNodesAreUp(
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
