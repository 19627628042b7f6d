import { duel, type Duel } from './duel.ts';
import type { Section } from './report/section.ts';
import { figure, spread } from './report/words.ts';
import type { Stage } from './stage.ts';
import { workloadsOn } from './workloads.ts';

const CLIENTS = 64;

/** The newest page of one conversation, asked for by many at once, beside those of many conversations. */
export async function hot(stage: Stage): Promise<Section> {
  const database = await stage.database();
  const { newestPage } = await workloadsOn(database);
  const { url } = await stage.startServer('service', database.environment);
  const [result] = await duel({
    generator: stage.startGenerator(),
    one: { url, requests: newestPage.slice(0, 1) },
    other: { url, requests: newestPage },
    clients: [CLIENTS],
    pace: stage.quick ? { rounds: 3, milliseconds: 300 } : { rounds: 5, milliseconds: 1_000 },
  });
  const { one, other, throughput } = result!;
  const row = (name: string, { perSecond, p50, p99 }: Duel['one'], ratio: string): string[] => [
    name,
    figure(perSecond.median),
    ratio,
    figure(p50.median),
    figure(p99.median),
  ];
  stage.say(`one conversation: ${spread(throughput)} of many`);
  return {
    title: 'Reads that many ask at once',
    about: `The newest page, asked for by ${CLIENTS} clients all the time.`,
    tables: [
      {
        title: '',
        columns: ['', 'pages, 1/s', 'throughput', 'p50 ms', 'p99 ms'],
        rows: [
          row(`of ${newestPage.length} conversations in turn`, other, '1'),
          row('of one conversation', one, spread(throughput)),
        ],
      },
    ],
    goals: [],
    bars: [],
    figures: result,
  };
}
