import { strict as assert } from 'node:assert';
import type { UserId } from '../../src/domain/ids.ts';
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
  type Side,
} from '../comparison.ts';
import { evenly, writeHistories, writeInboxes, type History } from '../data.ts';
import type { Database, Environment } from '../environment.ts';
import type { LoadRequest } from '../load.ts';
import { RecordingClient, serviceOn, type Work } from '../recording.ts';
import type { Section, Table } from '../results.ts';
import { baselineAnswers } from '../servers/baseline.ts';
import { historyRequest, inboxRequest, pairOf, SENDS } from '../workloads.ts';

const MAX_PROCESSOR = 1.2;
const MAX_P99 = 1.1;

/** A second process of the service: what differs from 1 in its ratios is the error of the measurement. */
const CONTROL = 'a second service';

/** The cost of the service beyond the bare minimum on Cassandra. */
export async function baseline(bench: Environment): Promise<Section> {
  const database = await bench.database();
  const now = Date.now();
  const histories = Array.from({ length: 200 }, (_, index): History => {
    const pair = pairOf(`reader-${index}`, `writer-${index}`);
    return { pair, count: 200, every: 5_000, until: now - index * 1_000 };
  });
  const owners = Array.from({ length: 200 }, (_, index) => `owner-${index}` as UserId);
  await writeHistories(database.client, histories);
  await writeInboxes(
    database.client,
    owners.map((owner) => ({ owner, moves: evenly(now, 40, 60) })),
  );
  const workloads: Readonly<Record<string, readonly LoadRequest[]>> = {
    send: SENDS,
    'send with a key': SENDS.map((request) => ({ ...request, keyed: true })),
    history: histories.map(({ pair }) => historyRequest(pair)),
    inbox: owners.map((owner) => inboxRequest(owner)),
  };

  const work = await sameWork(database, workloads);
  const service = await bench.startServer('service', database.variables);
  const bare = await bench.startServer('baseline', database.variables);
  const second = await bench.startServer('service', database.variables);
  const sidesOf: Record<string, Record<string, Side>> = {};
  for (const [workload, requests] of Object.entries(workloads)) {
    await assertSameAnswers(service, bare, requests.slice(0, 10), 'same');
    sidesOf[workload] = {
      service: { server: service, requests },
      baseline: { server: bare, requests },
      ...(workload === 'send' && !bench.quick && { [CONTROL]: { server: second, requests } }),
    };
  }
  const pace = bench.quick ? QUICK_PACE : FULL_PACE;
  const comparisons = await compare(sidesOf, pace, { quantity: 'processor', log: bench.log });
  return {
    title: 'On Cassandra: what does the service cost beyond the bare minimum?',
    about:
      'The service against `bench/servers/baseline.ts`: bare `node:http` and cassandra-driver with the same statements ' +
      'and the same responses, which the run checks first. 1,000 pairs of users send messages of 100 characters; 200 ' +
      'conversations have 200 messages each; 200 inboxes have 40 conversations each. Processor time is that of the ' +
      'server alone. Sends are also compared with a second process of the service: its ratios show the error of the ' +
      `measurement.${rejectedIn(comparisons)}`,
    tables: [comparisonTable(comparisons), workTable(work)],
    goals: comparisons
      .filter(hasGoals)
      .flatMap((comparison) => [
        ratioGoal(comparison, 'processor', 'most', MAX_PROCESSOR),
        ratioGoal(comparison, 'p99', 'most', MAX_P99),
      ]),
    charts: [
      {
        kind: 'bars',
        title: 'On Cassandra: processor time per request',
        subtitle: 'The service, as a multiple of a bare server with the same statements. Lower is better.',
        bars: comparisons.filter(hasGoals).map((comparison) => ({
          name: `${comparison.workload}, ${comparison.connections} connections`,
          value: ratioOf(comparison, 'processor'),
          goalIs: 'most',
          goal: MAX_PROCESSOR,
        })),
      },
    ],
  };
}

function hasGoals({ other }: Comparison): boolean {
  return other !== CONTROL;
}

/** The work of each workload. Throws unless the service and the baseline do the same. */
async function sameWork(
  { options }: Database,
  workloads: Readonly<Record<string, readonly LoadRequest[]>>,
): Promise<Map<string, Work>> {
  const client = new RecordingClient(options);
  const service = await serviceOn(client, options);
  const bare = baselineAnswers(client);
  const all = new Map<string, Work>();
  for (const [workload, requests] of Object.entries(workloads)) {
    for (const request of requests.slice(0, 3)) {
      const [path = '', query] = request.path.split('?');
      const work = await client.workOf(() => service(request));
      const other = await client.workOf(() =>
        request.method === 'GET'
          ? bare.read(path, query === undefined ? null : new URLSearchParams(query))
          : bare.send(JSON.stringify(request.body), request.keyed && crypto.randomUUID()),
      );
      assert.deepEqual(other, work, `${workload} is not the same work`);
      all.set(workload, work);
    }
  }
  await client.shutdown();
  return all;
}

function workTable(all: ReadonlyMap<string, Work>): Table {
  return {
    title: 'Requests to Cassandra, the same for the service and the baseline:',
    columns: ['workload', 'requests', 'sequential steps', 'rows'],
    rows: [...all].map(([workload, { requests, steps, rows }]) => [
      workload,
      String(requests.length),
      String(steps),
      String(rows),
    ]),
  };
}
