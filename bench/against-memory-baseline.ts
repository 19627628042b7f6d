import { barsOf, goalsOf, tableOf } from './against-baseline.ts';
import { pairedBenchmark, QUICK_PACE, type PairedBenchmark } from './paired-benchmark.ts';
import { fill, memoryWorkloads } from './memory-workloads.ts';
import type { Section } from './report/section.ts';
import { spread } from './report/format.ts';
import { assertSameAnswers } from './same-answers.ts';
import type { BenchEnvironment } from './environment.ts';
import { WORKLOAD_NAMES } from './workloads.ts';

/** Compares the service on memory storage with a bare Hono app on the same storage. */
export async function againstMemoryBaseline(bench: BenchEnvironment): Promise<Section> {
  const { before, send, newestPage, inboxPage } = memoryWorkloads();
  const workloads = {
    [WORKLOAD_NAMES.send]: send,
    [WORKLOAD_NAMES.newestPage]: newestPage,
    [WORKLOAD_NAMES.inboxPage]: inboxPage,
  };
  const service = await bench.startServer('service', { STORAGE: 'memory' });
  const baseline = await bench.startServer('memoryBaseline', {});
  const generator = bench.startGenerator();
  for (const { url } of [service, baseline]) await fill(generator, url, before);
  for (const requests of Object.values(workloads)) {
    await assertSameAnswers(service.url, baseline.url, requests.slice(0, 20), 'own');
  }

  const pace = bench.quick ? QUICK_PACE : { rounds: 5, milliseconds: 400, warmUpMs: 1_600 };
  const clients = bench.quick ? [16] : [1, 16, 64];
  const results: { name: string; benchmark: PairedBenchmark }[] = [];
  for (const [name, requests] of Object.entries(workloads)) {
    const [one, other] = [service, baseline].map(({ url }) => ({ url, requests }));
    for (const result of await pairedBenchmark({ generator, one: one!, other: other!, clients, pace })) {
      results.push({ name, benchmark: result });
      bench.say(`${name}, ${result.clients} clients: ${spread(result.throughput)} of a bare Hono app`);
    }
  }
  return {
    title: 'Service against a bare Hono app, in memory',
    about:
      'The service with memory storage compared with `bench/baseline/memory-baseline.ts`: a bare Hono app over the same storage, ' +
      `with the same answers. ${pace.rounds} alternated rounds of ${pace.milliseconds / 1000} s each.`,
    tables: [tableOf(results)],
    goals: goalsOf(results.map(({ name, benchmark }) => ({ name: `in memory, ${name}`, benchmark }))),
    bars: [barsOf('Throughput in memory, as a share of a bare Hono app’s; 16 clients', results)],
    figures: results,
  };
}
