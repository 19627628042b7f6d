import { duel, QUICKLY, type Duel } from './duel.ts';
import type { LoadRequest } from './load/request.ts';
import type { Section } from './report/section.ts';
import { figure, spread } from './report/words.ts';
import type { Stage } from './stage.ts';
import { workloadsOn } from './workloads.ts';

const CLIENTS = 64;

/** The newest page of one conversation, asked for by many at once: beside those of many, and with readings shared. */
export async function hot(stage: Stage): Promise<Section> {
  const database = await stage.database();
  const { newestPage } = await workloadsOn(database);
  const one = newestPage.slice(0, 1);
  const plain = await stage.startServer('variant', { ...database.environment, PARTS: '' });
  const coalescing = await stage.startServer('variant', { ...database.environment, PARTS: 'coalescing' });
  const generator = stage.startGenerator();
  const pace = stage.quick ? QUICKLY : { rounds: 5, milliseconds: 600, warmUpMs: 2_400 };
  const against = async (ours: { url: string; requests: readonly LoadRequest[] }): Promise<Duel> => {
    const other = { url: plain.url, requests: newestPage };
    const [result] = await duel({ generator, one: ours, other, clients: [CLIENTS], pace });
    return result!;
  };
  const alone = await against({ url: plain.url, requests: one });
  const shared = await against({ url: coalescing.url, requests: one });
  const sharedMany = await against({ url: coalescing.url, requests: newestPage });
  stage.say(
    `one conversation: ${spread(alone.throughput)} of many, ${spread(shared.throughput)} where shared`,
  );
  const row = (name: string, { perSecond, p50, p99 }: Duel['one'], ratio: string): string[] => [
    name,
    figure(perSecond.median),
    ratio,
    figure(p50.median),
    figure(p99.median),
  ];
  return {
    title: 'Reads that many ask at once',
    about:
      `The newest page, asked for by ${CLIENTS} clients all the time; and what it would be if one reading answered all ` +
      'who ask for the same page meanwhile (`bench/variants/coalescing.ts`). The service does not do that: it could ' +
      'show a page that was read before a message which another process has acknowledged.',
    tables: [
      {
        title: '',
        columns: ['', 'pages, 1/s', '**throughput**', 'p50 ms', 'p99 ms'],
        rows: [
          row(`of ${newestPage.length} conversations in turn`, alone.other, '1'),
          row('of one conversation', alone.one, spread(alone.throughput)),
          row('of one conversation, readings shared', shared.one, spread(shared.throughput)),
          row(
            `of ${newestPage.length} in turn, readings shared`,
            sharedMany.one,
            spread(sharedMany.throughput),
          ),
        ],
      },
    ],
    goals: [],
    bars: [],
    figures: { alone, shared, sharedMany },
  };
}
