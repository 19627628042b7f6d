import { perSecond } from './paired-benchmark.ts';
import type { Sample } from './load/probe.ts';
import { fill, memoryWorkloads } from './memory-workloads.ts';
import { built, type Server } from './processes.ts';
import type { Goal, Section, Table } from './report/section.ts';
import { figure } from './report/format.ts';
import type { BenchEnvironment } from './environment.ts';
import { measured, median, percentile, ratios, type Measured } from './statistics.ts';
import { workloadsOn } from './workloads.ts';

const LEAST_OF_SECOND_MINUTE = 0.95;
const MOST_MEMORY = 1.1;
const LEAST_OF_TWO = 1.6;

const CLIENTS = 16;
const MINUTES = 10;

/** One of the ten intervals of the run: a minute, or 0.5 s in a quick run. */
interface Minute {
  readonly perSecond: number;
  /** The minimum heap in use, which approximates the heap after a garbage collection, in megabytes. */
  readonly heapMb: number;
  readonly rssMb: number;
  readonly eventLoopDelayP99: number;
}

/** Ten minutes of mixed load; then two processes compared with one. */
export async function steady(bench: BenchEnvironment): Promise<Section> {
  const minutes = await tenMinutes(bench);
  const scaling = await twoProcesses(bench);
  return {
    title: 'Steady',
    about:
      `${MINUTES} ${bench.quick ? 'spells of 0.5 s' : 'minutes'} of mixed load on Cassandra by ${CLIENTS} ` +
      'clients. Then the mixed load in memory, where a process waits for no I/O: on one process, and on two ' +
      'with half of the clients each. The load generator takes its share of the same cores, so two processes ' +
      'never have a core each; requests per second of CPU time show whether they hinder each other.',
    tables: [minutesTable(minutes), scalingTable(scaling)],
    goals: goalsOf(minutes, scaling),
    bars: [],
    figures: { minutes, scaling },
  };
}

async function tenMinutes(bench: BenchEnvironment): Promise<Minute[]> {
  const database = await bench.database();
  const { mixed } = await workloadsOn(database);
  const service = await bench.startServer('service', database.environment, PROBED);
  const samples = samplesOf(service);
  const generator = bench.startGenerator();
  const minutes: Minute[] = [];
  for (let minute = 0; minute < MINUTES; minute += 1) {
    samples.length = 0;
    const milliseconds = bench.quick ? 500 : 60_000;
    const report = await generator.load({
      urls: [service.url],
      requests: mixed,
      clients: CLIENTS,
      milliseconds,
    });
    minutes.push({
      perSecond: perSecond(report),
      heapMb: Math.min(...samples.map(({ heapUsed }) => heapUsed)) / 1e6,
      rssMb: Math.max(...samples.map(({ rss }) => rss)) / 1e6,
      eventLoopDelayP99: percentile(
        samples.map(({ eventLoopDelayP99 }) => eventLoopDelayP99),
        0.99,
      ),
    });
    bench.say(`${minute + 1} of ${MINUTES}: ${figure(minutes.at(-1)!.perSecond)} requests a second`);
  }
  return minutes;
}

interface Scaling {
  readonly onePerSecond: Measured;
  readonly twoPerSecond: Measured;
  readonly ratio: Measured;
  /** Requests per second of CPU time of the services. */
  readonly onePerProcessorSecond: number;
  readonly twoPerProcessorSecond: number;
}

async function twoProcesses(bench: BenchEnvironment): Promise<Scaling> {
  const { before, mixed } = memoryWorkloads();
  const generator = bench.startGenerator();
  const services: { server: Server; samples: Sample[] }[] = [];
  for (let index = 0; index < 2; index += 1) {
    const server = await bench.startServer('service', { STORAGE: 'memory' }, PROBED);
    services.push({ server, samples: samplesOf(server) });
    await fill(generator, server.url, before);
  }
  const load = async (count: number) => {
    const used = services.slice(0, count);
    for (const { samples } of used) samples.length = 0;
    const report = await generator.load({
      urls: used.map(({ server }) => server.url),
      requests: mixed,
      clients: 2 * CLIENTS,
      milliseconds: bench.quick ? 1_000 : 3_000,
    });
    // The samples cover only most of the period, so they give a share and not a sum.
    const processor = used.reduce((sum, { samples }) => sum + processorShare(samples), 0);
    return { perSecond: perSecond(report), perProcessorSecond: perSecond(report) / processor };
  };
  await load(2);
  const rounds = bench.quick ? 2 : 5;
  const ones: Awaited<ReturnType<typeof load>>[] = [];
  const twos: typeof ones = [];
  for (let round = 0; round < rounds; round += 1) {
    ones.push(await load(1));
    twos.push(await load(2));
  }
  const rates = (all: typeof ones): number[] => all.map(({ perSecond }) => perSecond);
  const thrift = (all: typeof ones): number => median(all.map((each) => each.perProcessorSecond));
  const ratio = ratios(rates(twos), rates(ones));
  bench.say(`two processes carry ${figure(ratio.median)} times what one carries`);
  return {
    onePerSecond: measured(rates(ones)),
    twoPerSecond: measured(rates(twos)),
    ratio,
    onePerProcessorSecond: thrift(ones),
    twoPerProcessorSecond: thrift(twos),
  };
}

/** The module that makes a server send samples. */
const PROBED = { flags: ['--import', built('bench/load/probe.js')] };

/** The samples of a probed server. */
function samplesOf({ child }: Server): Sample[] {
  const samples: Sample[] = [];
  child.on('message', (sample: Sample) => samples.push(sample));
  return samples;
}

/** The average number of cores that a process used between its first and its last sample. */
function processorShare(samples: readonly Sample[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || first === last) throw new Error('too few samples');
  return (last.processor - first.processor) / 1_000 / (last.at - first.at);
}

function minutesTable(minutes: readonly Minute[]): Table {
  return {
    title: '',
    columns: ['', 'requests, 1/s', 'heap after collection, MB', 'resident, MB', 'event loop delay, p99 ms'],
    rows: minutes.map((minute, index) => [
      String(index + 1),
      figure(minute.perSecond),
      figure(minute.heapMb),
      figure(minute.rssMb),
      figure(minute.eventLoopDelayP99),
    ]),
  };
}

function scalingTable(scaling: Scaling): Table {
  const { onePerSecond, twoPerSecond, ratio, onePerProcessorSecond, twoPerProcessorSecond } = scaling;
  return {
    title: 'In memory:',
    columns: ['processes', 'requests, 1/s', '**of one’s**', 'requests per second of processor'],
    rows: [
      ['one', figure(onePerSecond.median), '1', figure(onePerProcessorSecond)],
      ['two', figure(twoPerSecond.median), figure(ratio.median), figure(twoPerProcessorSecond)],
    ],
  };
}

function goalsOf(minutes: readonly Minute[], { ratio }: Scaling): Goal[] {
  const [, second] = minutes;
  const last = minutes.at(-1);
  if (second === undefined || last === undefined) throw new RangeError('too short a run');
  const kept = last.perSecond / second.perSecond;
  const grown = last.heapMb / second.heapMb;
  return [
    {
      what: 'throughput of the last minute, of the second’s',
      wanted: `≥ ${LEAST_OF_SECOND_MINUTE}`,
      got: figure(kept),
      met: kept >= LEAST_OF_SECOND_MINUTE,
    },
    {
      what: 'heap after collection in the last minute, of the second’s',
      wanted: `≤ ${MOST_MEMORY}`,
      got: figure(grown),
      met: grown <= MOST_MEMORY,
    },
    {
      what: 'two processes in memory, of what one carries',
      wanted: `≥ ${LEAST_OF_TWO}`,
      got: figure(ratio.median),
      met: ratio.median >= LEAST_OF_TWO,
    },
  ];
}
