import type { LoadReport, LoadRequest } from './load/request.ts';
import type { LoadGenerator } from './processes.ts';
import type { Table } from './report/section.ts';
import { figure, spread } from './report/format.ts';
import { measured, percentile, ratios, type Measured } from './statistics.ts';

/** A server and the requests to send to it. */
export interface Side {
  readonly url: string;
  readonly requests: readonly LoadRequest[];
}

/** The figures of one side. */
export interface Score {
  readonly perSecond: Measured;
  /** Milliseconds. */
  readonly p50: Measured;
  readonly p99: Measured;
}

/** Two sides under the load of `clients` clients. */
export interface PairedBenchmark {
  readonly clients: number;
  readonly one: Score;
  readonly other: Score;
  /** Ratio of one to other, per round. */
  readonly throughput: Measured;
  readonly p99: Measured;
}

export interface Pace {
  /** The duration of each of the two warm-up phases of a side. */
  readonly warmUpMs: number;
  readonly rounds: number;
  readonly milliseconds: number;
  /** The number of requests to use; default: all. */
  readonly requests?: number;
}

/** The pace of a quick run. */
export const QUICK_PACE: Pace = { rounds: 2, milliseconds: 200, warmUpMs: 200, requests: 200 };

/**
 * Clients of the warm-up. Each side is warmed up in two phases: V8 continues to optimise code for more than ten
 * thousand requests, and the service has more code than the baseline.
 */
const WARM_UP_CLIENTS = 16;

/**
 * Warms up two sides, then loads them in alternation (A B A B), one at a time, with each number of clients. In each
 * round both get their requests from the first one on, so that they do the same work.
 */
export async function pairedBenchmark(deps: {
  readonly generator: LoadGenerator;
  readonly one: Side;
  readonly other: Side;
  readonly clients: readonly number[];
  readonly pace: Pace;
}): Promise<PairedBenchmark[]> {
  const { generator, pace } = deps;
  const taking = (side: Side): Side => ({ ...side, requests: side.requests.slice(0, pace.requests) });
  const [one, other] = [taking(deps.one), taking(deps.other)];
  const load = ({ url, requests }: Side, clients: number): Promise<LoadReport> =>
    generator.load({ urls: [url], requests, clients, milliseconds: pace.milliseconds });
  const warmUp = ({ url, requests }: Side): Promise<LoadReport> =>
    generator.load({
      urls: [url],
      requests,
      clients: WARM_UP_CLIENTS,
      milliseconds: pace.warmUpMs,
      atLeast: requests.length,
    });

  // Sends every request at least once, so that occasional writes are done.
  for (const side of [one, other, one, other]) await warmUp(side);

  const benchmarks: PairedBenchmark[] = [];
  for (const clients of deps.clients) {
    const ones: LoadReport[] = [];
    const others: LoadReport[] = [];
    for (let round = 0; round < pace.rounds; round += 1) {
      ones.push(await load(one, clients));
      others.push(await load(other, clients));
    }
    benchmarks.push({
      clients,
      one: scoreOf(ones),
      other: scoreOf(others),
      throughput: ratios(ones.map(perSecond), others.map(perSecond)),
      p99: ratios(ones.map(latency(0.99)), others.map(latency(0.99))),
    });
  }
  return benchmarks;
}

/** A table of paired benchmarks with one number of clients: side `one` beside side `other`. */
export function besideTable(
  one: string,
  other: string,
  results: readonly { readonly name: string; readonly benchmark: PairedBenchmark }[],
): Table {
  return {
    title: '',
    columns: ['', `${one}, 1/s`, `${other}, 1/s`, '**throughput**', `${one}, p99 ms`, `${other}, p99 ms`],
    rows: results.map(({ name, benchmark }) => [
      name,
      figure(benchmark.one.perSecond.median),
      figure(benchmark.other.perSecond.median),
      spread(benchmark.throughput),
      figure(benchmark.one.p99.median),
      figure(benchmark.other.p99.median),
    ]),
  };
}

function scoreOf(reports: readonly LoadReport[]): Score {
  return {
    perSecond: measured(reports.map(perSecond)),
    p50: measured(reports.map(latency(0.5))),
    p99: measured(reports.map(latency(0.99))),
  };
}

/** Responses per second. */
export function perSecond({ latencies, seconds }: LoadReport): number {
  return latencies.length / seconds;
}

/** The latency in milliseconds that the share `share` of the responses did not exceed. */
export function latency(share: number): (report: LoadReport) => number {
  return ({ latencies }) => percentile(latencies, share) / 1000;
}
