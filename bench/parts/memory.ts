import type { Environment as Bench } from '../environment.ts';
import {
  assertSameAnswers,
  compare,
  comparisonTable,
  FULL_PACE,
  QUICK_PACE,
  ratioGoal,
  ratioOf,
  rejectedIn,
  type Comparison,
} from '../comparison.ts';
import { requestOnce, type LoadRequest } from '../load.ts';
import { spread, type Section } from '../results.ts';
import { historyRequest, inboxRequest, pairOf, sendRequest, SENDS } from '../workloads.ts';

const READERS = Array.from({ length: 16 }, (_, index) => pairOf(`reader-${index}`, `writer-${index}`));
const ROWS_EACH = 21;

/** The goals for the processor time, as a ratio to each server. */
const GOALS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'bare Hono': { send: 2.2, history: 2.2, inbox: 2.2 },
  'bare node:http': { send: 4, history: 2, inbox: 2 },
};

const WORKLOADS: Readonly<Record<string, readonly LoadRequest[]>> = {
  send: SENDS,
  history: READERS.map((pair) => historyRequest(pair)),
  inbox: READERS.map(({ one }) => inboxRequest(one)),
};

/** The cost of the HTTP layer: the service in memory against servers with the same responses from the same storage. */
export async function memory(bench: Bench): Promise<Section> {
  const service = await bench.startServer('service', { STORAGE: 'memory' });
  const others = {
    'bare Hono': await bench.startServer('hono', {}),
    'bare node:http': await bench.startServer('node', {}),
  };
  for (const server of [service, ...Object.values(others)]) {
    await Promise.all(
      READERS.map(async (pair) => {
        for (let row = 0; row < ROWS_EACH; row += 1) {
          await requestOnce(server.url, sendRequest(pairOf(pair.one, `friend-${row}`)));
        }
        for (let row = 0; row < ROWS_EACH; row += 1) await requestOnce(server.url, sendRequest(pair));
      }),
    );
  }
  for (const other of Object.values(others)) {
    for (const requests of Object.values(WORKLOADS)) {
      await assertSameAnswers(service, other, requests.slice(0, 10), 'own');
    }
  }

  // The sends grow the heap, so they come last.
  const pace = bench.quick
    ? { ...QUICK_PACE, rounds: 3, seconds: 1, warmUpSeconds: 1.5 }
    : { ...FULL_PACE, seconds: 2 };
  const comparisons: Comparison[] = [];
  for (const [workload, requests] of Object.entries(WORKLOADS).reverse()) {
    const sides = Object.fromEntries(
      Object.entries({ service, ...others }).map(([name, server]) => [name, { server, requests }]),
    );
    for (const comparison of await compare(workload, sides, pace)) {
      comparisons.push(comparison);
      bench.log(
        `${workload}, ${comparison.connections} connections: ` +
          `${spread(ratioOf(comparison, 'processor'))} of the processor time of ${comparison.other}`,
      );
    }
  }
  return {
    title: 'In memory: what does the HTTP layer cost?',
    about:
      'The service with memory storage, its log written to a file, against a bare Hono app and a bare `node:http` ' +
      'server with the same responses from the same storage (`bench/servers/memory.ts`). Pages have 20 rows.' +
      rejectedIn(comparisons),
    tables: [comparisonTable(comparisons)],
    goals: comparisons.map((comparison) =>
      ratioGoal(comparison, 'processor', 'most', GOALS[comparison.other]![comparison.workload]!),
    ),
    charts: [
      {
        kind: 'bars',
        title: 'In memory: processor time per request',
        subtitle: 'The service, as a multiple of each server. Lower is better.',
        bars: comparisons.map((comparison) => ({
          name: `${comparison.workload}, ${comparison.connections} connections, against ${comparison.other}`,
          value: ratioOf(comparison, 'processor'),
          goalIs: 'most',
          goal: GOALS[comparison.other]![comparison.workload]!,
        })),
      },
    ],
  };
}
