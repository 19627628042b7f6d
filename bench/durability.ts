import { besideTable, pairedBenchmark, QUICK_PACE, type PairedBenchmark } from './paired-benchmark.ts';
import type { Section } from './report/section.ts';
import { spread } from './report/format.ts';
import type { BenchEnvironment } from './environment.ts';
import { WORKLOAD_NAMES, workloadsOn, type Workloads } from './workloads.ts';

const COMPARED = ['send', 'sendWithKey', 'mixed'] as const;
const CLIENTS = [1, 16];

/** The cost of acknowledging after the commit log sync: the service on a node with `batch` and on one with `periodic`. */
export async function durability(bench: BenchEnvironment): Promise<Section> {
  const batch = await sideOn(bench, '127.0.4.2', { commitlog_sync: 'batch' });
  const periodic = await sideOn(bench, '127.0.4.3', {
    commitlog_sync: 'periodic',
    commitlog_sync_period: '10s',
  });
  const generator = bench.startGenerator();
  const results: { name: string; benchmark: PairedBenchmark }[] = [];
  for (const [index, name] of COMPARED.entries()) {
    const benchmarks = await pairedBenchmark({
      generator,
      one: { url: batch.url, requests: batch.workloads[name] },
      other: { url: periodic.url, requests: periodic.workloads[name] },
      clients: CLIENTS,
      pace: bench.quick
        ? QUICK_PACE
        : // Both nodes are new, and Java takes its time.
          { rounds: 7, milliseconds: 1_500, warmUpMs: index === 0 ? 25_000 : 6_000 },
    });
    for (const each of benchmarks) {
      const what = `${WORKLOAD_NAMES[name]}, ${each.clients} at once`;
      results.push({ name: what, benchmark: each });
      bench.say(`${what}: ${spread(each.throughput)} of periodic`);
    }
  }
  return {
    title: 'Commit log sync before acknowledgement',
    about:
      'The service on a node with `commitlog_sync: batch`, as the messenger configures it, compared with a node with ' +
      'Cassandra’s default, `periodic`, which acknowledges first and loses the last tenth of a second when it is ' +
      'killed. The figures include the sync time of the disk, which is close to zero here.',
    tables: [besideTable('batch', 'periodic', results)],
    goals: [],
    bars: [],
    figures: results,
  };
}

async function sideOn(
  bench: BenchEnvironment,
  address: string,
  yaml: Readonly<Record<string, unknown>>,
): Promise<{ url: string; workloads: Workloads }> {
  const database = await bench.ownDatabase({ address, yaml });
  const workloads = await workloadsOn(database);
  const { url } = await bench.startServer('service', database.environment);
  return { url, workloads };
}
