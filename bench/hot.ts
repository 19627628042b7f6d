import { pairedBenchmark, QUICK_PACE, type PairedBenchmark } from './paired-benchmark.ts';
import type { LoadRequest } from './load/request.ts';
import type { Section } from './report/section.ts';
import { figure, spread } from './report/format.ts';
import type { BenchEnvironment } from './environment.ts';
import { workloadsOn } from './workloads.ts';

const CLIENTS = 64;

/** Many clients read the newest page of one conversation: compared with many conversations, and with shared reads. */
export async function hot(bench: BenchEnvironment): Promise<Section> {
  const database = await bench.database();
  const { newestPage } = await workloadsOn(database);
  const one = newestPage.slice(0, 1);
  const plain = await bench.startServer('variant', { ...database.environment, PARTS: '' });
  const coalescing = await bench.startServer('variant', { ...database.environment, PARTS: 'coalescing' });
  const generator = bench.startGenerator();
  const pace = bench.quick ? QUICK_PACE : { rounds: 5, milliseconds: 600, warmUpMs: 2_400 };
  const against = async (ours: {
    url: string;
    requests: readonly LoadRequest[];
  }): Promise<PairedBenchmark> => {
    const other = { url: plain.url, requests: newestPage };
    const [result] = await pairedBenchmark({ generator, one: ours, other, clients: [CLIENTS], pace });
    return result!;
  };
  const alone = await against({ url: plain.url, requests: one });
  const shared = await against({ url: coalescing.url, requests: one });
  const sharedMany = await against({ url: coalescing.url, requests: newestPage });
  bench.say(
    `one conversation: ${spread(alone.throughput)} of many conversations, ${spread(shared.throughput)} with shared reads`,
  );
  const row = (name: string, { perSecond, p50, p99 }: PairedBenchmark['one'], ratio: string): string[] => [
    name,
    figure(perSecond.median),
    ratio,
    figure(p50.median),
    figure(p99.median),
  ];
  return {
    title: 'Concurrent reads of one page',
    about:
      `The newest page, read continuously by ${CLIENTS} clients; and the same if one read served all clients ` +
      'that request this page at the same time (`bench/variants/coalescing.ts`). The service does not do that: it could ' +
      'return a page read before a message that another process has already acknowledged.',
    tables: [
      {
        title: '',
        columns: ['', 'pages, 1/s', '**throughput**', 'p50 ms', 'p99 ms'],
        rows: [
          row(`of ${newestPage.length} conversations in turn`, alone.other, '1'),
          row('of one conversation', alone.one, spread(alone.throughput)),
          row('of one conversation, readings shared', shared.one, spread(shared.throughput)),
          row(`of ${newestPage.length} in turn, reads shared`, sharedMany.one, spread(sharedMany.throughput)),
        ],
      },
    ],
    goals: [],
    bars: [],
    figures: { alone, shared, sharedMany },
  };
}
