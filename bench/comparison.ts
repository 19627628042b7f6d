import { strict as assert } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { requestOnce, load, type LoadRequest, type Round } from './load.ts';
import type { Server } from './processes.ts';
import { figure, spread, type Goal, type Table } from './results.ts';
import { measured, ratios, type Measured } from './statistics.ts';

/** A server and the requests to send to it. */
export interface Side {
  readonly server: Server;
  readonly requests: readonly LoadRequest[];
}

export interface Pace {
  readonly rounds: number;
  /** The measured seconds of each round. */
  readonly seconds: number;
  /** The seconds of load on each side before the first round, with at least `WARM_UP_REQUESTS`. */
  readonly warmUpSeconds: number;
  /** The numbers of connections. */
  readonly connections: readonly number[];
}

/** V8 optimises code during the first thousands of requests. The service has more code than the others, so it needs more. */
const WARM_UP_REQUESTS = 2_000;

export const QUICK_PACE: Pace = { rounds: 3, seconds: 0.7, warmUpSeconds: 2, connections: [16] };
export const FULL_PACE: Pace = { rounds: 4, seconds: 3, warmUpSeconds: 4, connections: [16, 64] };

/** The rounds of two sides of one workload with one number of connections. */
export interface Comparison {
  readonly workload: string;
  readonly connections: number;
  readonly one: string;
  readonly other: string;
  readonly ones: readonly Round[];
  readonly others: readonly Round[];
}

/** Compares the sides of each workload, and logs the ratios of `quantity`. */
export async function compare(
  workloads: Readonly<Record<string, Readonly<Record<string, Side>>>>,
  pace: Pace,
  { quantity, log }: { readonly quantity: Quantity; readonly log: (line: string) => void },
): Promise<Comparison[]> {
  const all: Comparison[] = [];
  for (const [workload, sides] of Object.entries(workloads)) {
    const own = await compareSides(workload, sides, pace);
    for (const one of own) log(`${nameOf(one, quantity)} ${spread(ratioOf(one, quantity))}`);
    all.push(...own);
  }
  return all;
}

/**
 * Warms up all sides, then loads them in turn (A B B A), one at a time, for each number of connections. Returns the
 * comparisons of the first side with each other one.
 */
async function compareSides(
  workload: string,
  sides: Readonly<Record<string, Side>>,
  pace: Pace,
): Promise<Comparison[]> {
  const all = Object.entries(sides);
  for (const [, { server, requests }] of all) {
    await load(server, requests, { connections: 16, seconds: pace.warmUpSeconds, atLeast: WARM_UP_REQUESTS });
  }
  const comparisons: Comparison[] = [];
  for (const connections of pace.connections) {
    const rounds = new Map<string, Round[]>(all.map(([name]) => [name, []]));
    for (let round = 0; round < pace.rounds; round += 1) {
      for (const [name, { server, requests }] of round % 2 === 0 ? all : all.toReversed()) {
        rounds.get(name)!.push(await load(server, requests, { connections, seconds: pace.seconds }));
      }
    }
    const [[one, ones] = ['', []], ...rest] = rounds;
    for (const [other, others] of rest) comparisons.push({ workload, connections, one, other, ones, others });
  }
  return comparisons;
}

export type Quantity = 'processor' | 'throughput' | 'p50' | 'p99';

/** The ratio of the first side to the other, per round. */
export function ratioOf({ ones, others }: Comparison, quantity: Quantity): Measured {
  return ratios(
    ones.map((round) => round[quantity]),
    others.map((round) => round[quantity]),
  );
}

/** All figures of `comparisons`, one row for each. The other side is named in each row. */
export function comparisonTable(comparisons: readonly Comparison[]): Table {
  const median = (rounds: readonly Round[], quantity: Quantity): string =>
    figure(measured(rounds.map((round) => round[quantity])).median);
  return {
    title: '',
    columns: [
      'workload',
      'connections',
      'against',
      '**processor time**',
      'µs',
      'µs of the other',
      '**throughput**',
      '1/s',
      '1/s of the other',
      '**p99**',
      'p99 ms',
      'p99 ms of the other',
      'p50 ms',
      'p50 ms of the other',
    ],
    rows: comparisons.map((comparison) => [
      comparison.workload,
      String(comparison.connections),
      comparison.other,
      ...(['processor', 'throughput', 'p99'] as const).flatMap((quantity) => [
        spread(ratioOf(comparison, quantity)),
        median(comparison.ones, quantity),
        median(comparison.others, quantity),
      ]),
      median(comparison.ones, 'p50'),
      median(comparison.others, 'p50'),
    ]),
  };
}

function nameOf({ workload, connections, other }: Comparison, quantity: Quantity): string {
  const quantities = { processor: 'processor time', throughput: 'throughput', p50: 'p50', p99: 'p99' };
  return `${workload}, ${connections} connections, against ${other}: ${quantities[quantity]}`;
}

/** A goal for a ratio of a comparison. */
export function ratioGoal(
  comparison: Comparison,
  quantity: Quantity,
  goalIs: 'least' | 'most',
  goal: number,
): Goal {
  return { what: nameOf(comparison, quantity), goalIs, goal, value: ratioOf(comparison, quantity) };
}

/** A sentence about rejected requests, because figures with rejections are not comparable; empty if there are none. */
export function rejectedIn(comparisons: readonly Comparison[]): string {
  const shares = comparisons.flatMap(({ workload, connections, ones, others }) => {
    const rounds = [...ones, ...others];
    const rejected = rounds.reduce((sum, round) => sum + round.rejected, 0);
    const all = rounds.reduce((sum, round) => sum + round.answered, rejected);
    return rejected === 0 ? [] : [`${rejected} of ${all} (${workload}, ${connections} connections)`];
  });
  if (shares.length === 0) return '';
  return ` Load shedding rejected requests: ${shares.join(', ')}. Only the processor time includes them.`;
}

/** The parts of a response that differ between servers: ids, times and cursors. */
const SERVER_SPECIFIC =
  /"((?:last_message_|last_event_)?id|read_up_to|created_at|last_message_at|next_cursor)":"[^"]*"/g;

/**
 * Throws unless two servers give equal responses to `requests`; otherwise a comparison is meaningless. Over the same
 * storage, every byte of a page is compared.
 */
export async function assertSameAnswers(
  one: Server,
  other: Server,
  requests: readonly LoadRequest[],
  storage: 'same' | 'own',
): Promise<void> {
  for (const request of requests) {
    const isSame = request.method === 'GET' && storage === 'same';
    const [left, right] = [await requestOnce(one.url, request), await requestOnce(other.url, request)].map(
      ({ text, ...answer }) => ({
        ...answer,
        text: isSame ? text : text.replaceAll(SERVER_SPECIFIC, '"$1":"its own"'),
      }),
    );
    assert.ok(left!.status < 300, `${request.path} is answered with ${left!.text}`);
    const at = [...left!.text].findIndex((character, index) => character !== right!.text[index]);
    const excerpt = (text: string): string => text.slice(Math.max(at - 80, 0), at + 80);
    assert.ok(
      isDeepStrictEqual(left, right),
      `${request.method} ${request.path} has different responses:\n${excerpt(left!.text)}\n${excerpt(right!.text)}`,
    );
  }
}
