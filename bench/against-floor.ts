import { duel, QUICKLY, type Duel, type Pace } from './duel.ts';
import { observedFloor, observedService } from './in-process.ts';
import type { LoadGenerator, Server } from './processes.ts';
import type { Bars, Goal, Section, Table } from './report/section.ts';
import { figure, spread } from './report/words.ts';
import { assertSameAnswers, assertSameWork } from './same-answers.ts';
import type { Database, Stage } from './stage.ts';
import type { Work } from './work.ts';
import { WORKLOAD_DATA, WORKLOAD_NAMES, workloadsOn, type Workloads } from './workloads.ts';

const LEAST_THROUGHPUT = 0.9;
const MOST_P99 = 1.15;
const CLIENTS = [1, 16, 64];

const COMPARED = ['send', 'newestPage', 'deepPage', 'inboxPage', 'mixed'] as const;
const COMPARED_QUICKLY = ['send', 'newestPage', 'inboxPage'] as const;

/** The service beside bare node:http and the driver with the same statements and the same answers. */
export async function againstFloor(stage: Stage): Promise<Section> {
  const database = await stage.database();
  const workloads = await workloadsOn(database);
  const service = await stage.startServer('service', database.environment);
  const floor = await stage.startServer('floor', database.environment);
  const work = await workOf(database, workloads);
  const compared = stage.quick ? COMPARED_QUICKLY : COMPARED;
  for (const name of compared) {
    await assertSameAnswers(service.url, floor.url, workloads[name].slice(0, 20), 'same');
  }

  const generator = stage.startGenerator();
  const pace = stage.quick ? QUICKLY : { rounds: 5, milliseconds: 600, warmUpMs: 2_400 };
  const results: { name: string; duel: Duel }[] = [];
  for (const name of compared) {
    const requests = workloads[name];
    const duels = await duel({
      generator,
      one: { url: service.url, requests },
      other: { url: floor.url, requests },
      clients: stage.quick ? [16] : CLIENTS,
      pace,
    });
    for (const duel of duels) {
      results.push({ name: WORKLOAD_NAMES[name], duel });
      stage.say(`${WORKLOAD_NAMES[name]}, ${duel.clients} clients: ${spread(duel.throughput)} of the floor`);
    }
  }
  const keyed = await withKey(generator, service, floor, workloads, pace);
  return {
    title: 'Against the floor',
    about:
      'The service beside `bench/floor`: bare `node:http` and cassandra-driver with the same statements and the ' +
      `same JSON, both of which the run makes sure of first. ${WORKLOAD_DATA}. ${pace.rounds} alternated rounds of ` +
      `${pace.milliseconds / 1000} s each; medians with the lowest and the highest round.`,
    tables: [tableOf(results), keyTableOf(keyed), workTableOf(work)],
    goals: goalsOf(results),
    bars: [barsOf('Throughput on Cassandra, as a share of the floor’s; 16 clients', results)],
    figures: { results, keyed, work },
  };
}

/** The work of each workload's requests once all is written that is written once in a while. */
async function workOf({ options }: Database, workloads: Workloads): Promise<Record<string, Work>> {
  const service = await observedService(options);
  const floor = await observedFloor(options);
  const work: Record<string, Work> = {};
  for (const name of ['send', 'sendWithKey', 'newestPage', 'deepPage', 'inboxPage'] as const) {
    const requests = workloads[name].slice(0, 3);
    work[name] = await assertSameWork(service, floor, [...requests, ...requests]);
  }
  await service.close();
  await floor.close();
  return work;
}

/** What a key costs: sends with one against sends without, on the service and on the floor. */
async function withKey(
  generator: LoadGenerator,
  service: Server,
  floor: Server,
  { send, sendWithKey }: Workloads,
  pace: Pace,
): Promise<Record<'service' | 'floor', Duel[]>> {
  const duelOn = ({ url }: Server): Promise<Duel[]> =>
    duel({
      generator,
      one: { url, requests: sendWithKey },
      other: { url, requests: send },
      clients: [16],
      pace,
    });
  return { service: await duelOn(service), floor: await duelOn(floor) };
}

function keyTableOf(keyed: Record<'service' | 'floor', Duel[]>): Table {
  return {
    title:
      'A send with an Idempotency-Key, which is claimed by a lightweight transaction, against one without:',
    columns: ['on', 'clients', 'with, 1/s', 'without, 1/s', 'throughput', 'with, p50 ms', 'without, p50 ms'],
    rows: Object.entries(keyed).flatMap(([name, duels]) =>
      duels.map(({ clients, one, other, throughput }) => [
        `the ${name}`,
        String(clients),
        figure(one.perSecond.median),
        figure(other.perSecond.median),
        spread(throughput),
        figure(one.p50.median),
        figure(other.p50.median),
      ]),
    ),
  };
}

function workTableOf(work: Record<string, Work>): Table {
  return {
    title: 'What each asks of Cassandra, the service and the floor alike:',
    columns: ['', 'statements', 'requests', 'round trips one after another'],
    rows: Object.entries(work).map(([name, { statements, requests, roundTrips }]) => [
      WORKLOAD_NAMES[name as keyof Workloads],
      String(statements),
      String(requests),
      String(roundTrips),
    ]),
  };
}

export function tableOf(results: readonly { name: string; duel: Duel }[]): Table {
  return {
    title: '',
    columns: [
      'workload',
      'clients',
      'service, 1/s',
      'floor, 1/s',
      '**throughput**',
      'service, p99 ms',
      'floor, p99 ms',
      '**p99**',
    ],
    rows: results.map(({ name, duel: { clients, one, other, throughput, p99 } }) => [
      name,
      String(clients),
      figure(one.perSecond.median),
      figure(other.perSecond.median),
      spread(throughput),
      figure(one.p99.median),
      figure(other.p99.median),
      spread(p99),
    ]),
  };
}

export function goalsOf(results: readonly { name: string; duel: Duel }[], than = 'the floor'): Goal[] {
  return results.flatMap(({ name, duel: { clients, throughput, p99 } }) => [
    {
      what: `${name}, ${clients} clients: throughput of ${than}'s`,
      wanted: `≥ ${LEAST_THROUGHPUT}`,
      got: figure(throughput.median),
      met: throughput.median >= LEAST_THROUGHPUT,
    },
    {
      what: `${name}, ${clients} clients: p99 of ${than}'s`,
      wanted: `≤ ${MOST_P99}`,
      got: figure(p99.median),
      met: p99.median <= MOST_P99,
    },
  ]);
}

/** Throughputs as bars; those of most clients are left to the table. */
export function barsOf(title: string, results: readonly { name: string; duel: Duel }[]): Bars {
  return {
    title,
    goal: LEAST_THROUGHPUT,
    goalIs: 'least',
    bars: results
      .filter(({ duel }) => duel.clients === 16)
      .map(({ name, duel: { throughput } }) => ({
        name,
        ratio: throughput.median,
        low: throughput.low,
        high: throughput.high,
      })),
  };
}
