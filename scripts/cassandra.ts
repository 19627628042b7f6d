import { parseArgs } from 'node:util';
import { LocalCassandraError, startLocalCluster, type LocalCluster } from './local-cassandra/cluster.ts';
import { projectCluster } from './local-cassandra/project.ts';

const help = `npm run cassandra [-- --nodes N]

Runs a real Cassandra 5 on this host, on loopback addresses, until Ctrl-C. Needs Java 17 and Maven.
Data are kept in .cassandra/ between runs, in one folder per number of nodes.

  --nodes N   1 (the default): 127.0.0.1:9042; 2 to 9: 127.0.1.1:9042, 127.0.1.2:9042 and so on
  --help      print this text
`;

class UsageError extends Error {}

function readNodes(): number | 'help' {
  let values: { nodes?: string; help?: boolean };
  try {
    ({ values } = parseArgs({ options: { nodes: { type: 'string' }, help: { type: 'boolean' } } }));
  } catch (error) {
    throw new UsageError((error as Error).message.split(/\.(?:\s|$)|\n/)[0]);
  }
  if (values.help) return 'help';
  const nodes = values.nodes ?? '1';
  if (!/^[1-9]$/.test(nodes)) throw new UsageError(`--nodes takes a number from 1 to 9, not '${nodes}'`);
  return Number(nodes);
}

/** Runs until a stop signal (returns 0) or until a node exits unexpectedly (returns 1). */
async function run(nodes: number, stopping: AbortSignal): Promise<0 | 1> {
  const startedAt = Date.now();
  const cluster = await startLocalCluster({
    ...projectCluster(nodes),
    log: (line) => console.log(line),
    signal: stopping,
  });
  console.log(
    `ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s; press Ctrl-C to stop. To use it:\n`,
  );
  console.log(`  export ${environment(cluster).join(' ')}\n`);

  const stopped = new Promise<null>((resolve) => stopping.addEventListener('abort', () => resolve(null)));
  const end = await Promise.race([stopped, ...cluster.nodes.map((node) => node.ended())]);
  if (end !== null) console.error(end);
  await cluster.stop();
  return end === null ? 0 : 1;
}

function environment({ contactPoints, localDatacenter, nodes }: LocalCluster): string[] {
  return [
    'STORAGE=cassandra',
    `CASSANDRA_CONTACT_POINTS=${contactPoints.join(',')}`,
    `CASSANDRA_LOCAL_DATACENTER=${localDatacenter}`,
    `CASSANDRA_REPLICATION_FACTOR=${Math.min(nodes.length, 3)}`,
  ];
}

async function main(): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  try {
    const nodes = readNodes();
    if (nodes === 'help') {
      console.log(help);
      return 0;
    }
    return await run(nodes, stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    if (error instanceof UsageError) {
      console.error(`${error.message}. See --help.`);
      return 2;
    }
    if (error instanceof LocalCassandraError) {
      console.error(error.message);
      return 1;
    }
    throw error;
  }
}

process.exitCode = await main();
