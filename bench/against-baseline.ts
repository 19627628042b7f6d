import { pairedBenchmark, QUICK_PACE, type PairedBenchmark, type Pace } from './paired-benchmark.ts';
import { observedBaseline, observedService } from './in-process.ts';
import type { LoadGenerator, Server } from './processes.ts';
import type { Bars, Goal, Section, Table } from './report/section.ts';
import { figure, spread } from './report/format.ts';
import { assertSameAnswers, assertSameWork } from './same-answers.ts';
import type { Database, BenchEnvironment } from './environment.ts';
import type { Work } from './work.ts';
import { WORKLOAD_DATA, WORKLOAD_NAMES, workloadsOn, type Workloads } from './workloads.ts';

const LEAST_THROUGHPUT = 0.9;
const MOST_P99 = 1.15;
const CLIENTS = [1, 16, 64];

const COMPARED = ['send', 'newestPage', 'deepPage', 'inboxPage', 'mixed'] as const;
const COMPARED_QUICK = ['send', 'newestPage', 'inboxPage'] as const;

/** Compares the service with bare node:http and the driver, with the same statements and responses. */
export async function againstBaseline(bench: BenchEnvironment): Promise<Section> {
  const database = await bench.database();
  const workloads = await workloadsOn(database);
  const service = await bench.startServer('service', database.environment);
  const baseline = await bench.startServer('baseline', database.environment);
  const work = await workOf(database, workloads);
  const compared = bench.quick ? COMPARED_QUICK : COMPARED;
  for (const name of compared) {
    await assertSameAnswers(service.url, baseline.url, workloads[name].slice(0, 20), 'same');
  }

  const generator = bench.startGenerator();
  const pace = bench.quick ? QUICK_PACE : { rounds: 5, milliseconds: 600, warmUpMs: 2_400 };
  const results: { name: string; benchmark: PairedBenchmark }[] = [];
  for (const name of compared) {
    const requests = workloads[name];
    const benchmarks = await pairedBenchmark({
      generator,
      one: { url: service.url, requests },
      other: { url: baseline.url, requests },
      clients: bench.quick ? [16] : CLIENTS,
      pace,
    });
    for (const benchmark of benchmarks) {
      results.push({ name: WORKLOAD_NAMES[name], benchmark });
      bench.say(
        `${WORKLOAD_NAMES[name]}, ${benchmark.clients} clients: ${spread(benchmark.throughput)} of the baseline`,
      );
    }
  }
  const keyed = await withKey(generator, service, baseline, workloads, pace);
  return {
    title: 'Service against the baseline',
    about:
      'The service compared with `bench/baseline`: bare `node:http` and cassandra-driver with the same statements and the ' +
      `same JSON, both checked by the run first. ${WORKLOAD_DATA}. ${pace.rounds} alternated rounds of ` +
      `${pace.milliseconds / 1000} s each; medians with the lowest and the highest round.`,
    tables: [tableOf(results), keyTableOf(keyed), workTableOf(work)],
    goals: goalsOf(results),
    bars: [barsOf('Throughput on Cassandra, as a share of the baseline’s; 16 clients', results)],
    figures: { results, keyed, work },
  };
}

/** The database work of each workload's requests, measured after all occasional writes are done. */
async function workOf({ options }: Database, workloads: Workloads): Promise<Record<string, Work>> {
  const service = await observedService(options);
  const baseline = await observedBaseline(options);
  const work: Record<string, Work> = {};
  for (const name of ['send', 'sendWithKey', 'newestPage', 'deepPage', 'inboxPage'] as const) {
    const requests = workloads[name].slice(0, 3);
    work[name] = await assertSameWork(service, baseline, [...requests, ...requests]);
  }
  await service.close();
  await baseline.close();
  return work;
}

/** The cost of an idempotency key: sends with a key against sends without, on the service and on the baseline. */
async function withKey(
  generator: LoadGenerator,
  service: Server,
  baseline: Server,
  { send, sendWithKey }: Workloads,
  pace: Pace,
): Promise<Record<'service' | 'baseline', PairedBenchmark[]>> {
  const benchmarkOn = ({ url }: Server): Promise<PairedBenchmark[]> =>
    pairedBenchmark({
      generator,
      one: { url, requests: sendWithKey },
      other: { url, requests: send },
      clients: [16],
      pace,
    });
  return { service: await benchmarkOn(service), baseline: await benchmarkOn(baseline) };
}

function keyTableOf(keyed: Record<'service' | 'baseline', PairedBenchmark[]>): Table {
  return {
    title:
      'A send with an Idempotency-Key, which is claimed by a lightweight transaction, against one without:',
    columns: ['on', 'clients', 'with, 1/s', 'without, 1/s', 'throughput', 'with, p50 ms', 'without, p50 ms'],
    rows: Object.entries(keyed).flatMap(([name, benchmarks]) =>
      benchmarks.map(({ clients, one, other, throughput }) => [
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
    title: 'Cassandra work per request, equal for the service and the baseline:',
    columns: ['', 'statements', 'requests', 'sequential round trips'],
    rows: Object.entries(work).map(([name, { statements, requests, roundTrips }]) => [
      WORKLOAD_NAMES[name as keyof Workloads],
      String(statements),
      String(requests),
      String(roundTrips),
    ]),
  };
}

export function tableOf(results: readonly { name: string; benchmark: PairedBenchmark }[]): Table {
  return {
    title: '',
    columns: [
      'workload',
      'clients',
      'service, 1/s',
      'baseline, 1/s',
      '**throughput**',
      'service, p99 ms',
      'baseline, p99 ms',
      '**p99**',
    ],
    rows: results.map(({ name, benchmark: { clients, one, other, throughput, p99 } }) => [
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

export function goalsOf(
  results: readonly { name: string; benchmark: PairedBenchmark }[],
  than = 'the baseline',
): Goal[] {
  return results.flatMap(({ name, benchmark: { clients, throughput, p99 } }) => [
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

/** The throughputs with 16 clients as bars; the table has the others. */
export function barsOf(
  title: string,
  results: readonly { name: string; benchmark: PairedBenchmark }[],
): Bars {
  return {
    title,
    goal: LEAST_THROUGHPUT,
    goalIs: 'least',
    bars: results
      .filter(({ benchmark }) => benchmark.clients === 16)
      .map(({ name, benchmark: { throughput } }) => ({
        name,
        ratio: throughput.median,
        low: throughput.low,
        high: throughput.high,
      })),
  };
}
