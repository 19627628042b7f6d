import type { LoadReport, LoadRequest } from './load/request.ts';
import type { LoadGenerator } from './processes.ts';
import type { Table } from './report/section.ts';
import { figure, spread } from './report/words.ts';
import { measured, percentile, ratios, type Measured } from './statistics.ts';

/** What is loaded, and with what. */
export interface Side {
  readonly url: string;
  readonly requests: readonly LoadRequest[];
}

/** How a side did. */
export interface Score {
  readonly perSecond: Measured;
  /** Milliseconds. */
  readonly p50: Measured;
  readonly p99: Measured;
}

/** Two sides under the load of so many clients. */
export interface Duel {
  readonly clients: number;
  readonly one: Score;
  readonly other: Score;
  /** One's figure over the other's, round by round. */
  readonly throughput: Measured;
  readonly p99: Measured;
}

export interface Pace {
  /** Of each of the two turns in which a side is warmed up. */
  readonly warmUpMs: number;
  readonly rounds: number;
  readonly milliseconds: number;
  /** So many of the requests take part; all of them unless told. */
  readonly requests?: number;
}

/** The pace of a quick run. */
export const QUICKLY: Pace = { rounds: 2, milliseconds: 200, warmUpMs: 200, requests: 200 };

/**
 * How each side is warmed up before its rounds: by so many clients, in two turns. V8 goes on making code faster for ten
 * thousand requests and more, and the service has more code than what it is beside.
 */
const WARM_UP_CLIENTS = 16;

/**
 * Loads two sides by turns, A B A B, each alone, at each of the numbers of clients, after both were warmed up. In
 * each round both are sent their requests from the first one on, so that they do the same work.
 */
export async function duel(deps: {
  readonly generator: LoadGenerator;
  readonly one: Side;
  readonly other: Side;
  readonly clients: readonly number[];
  readonly pace: Pace;
}): Promise<Duel[]> {
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

  // Every request once at least, so that what a server writes once in a while has been written.
  for (const side of [one, other, one, other]) await warmUp(side);

  const duels: Duel[] = [];
  for (const clients of deps.clients) {
    const ones: LoadReport[] = [];
    const others: LoadReport[] = [];
    for (let round = 0; round < pace.rounds; round += 1) {
      ones.push(await load(one, clients));
      others.push(await load(other, clients));
    }
    duels.push({
      clients,
      one: scoreOf(ones),
      other: scoreOf(others),
      throughput: ratios(ones.map(perSecond), others.map(perSecond)),
      p99: ratios(ones.map(latency(0.99)), others.map(latency(0.99))),
    });
  }
  return duels;
}

/** Duels at one number of clients as a table: what one side did, called `one`, beside the other. */
export function besideTable(
  one: string,
  other: string,
  results: readonly { readonly name: string; readonly duel: Duel }[],
): Table {
  return {
    title: '',
    columns: ['', `${one}, 1/s`, `${other}, 1/s`, '**throughput**', `${one}, p99 ms`, `${other}, p99 ms`],
    rows: results.map(({ name, duel }) => [
      name,
      figure(duel.one.perSecond.median),
      figure(duel.other.perSecond.median),
      spread(duel.throughput),
      figure(duel.one.p99.median),
      figure(duel.other.p99.median),
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

/** Answers in a second. */
export function perSecond({ latencies, seconds }: LoadReport): number {
  return latencies.length / seconds;
}

/** The latency, in milliseconds, that the share `share` of the answers kept to. */
export function latency(share: number): (report: LoadReport) => number {
  return ({ latencies }) => percentile(latencies, share) / 1000;
}
