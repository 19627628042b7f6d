import { cursorAt } from '../src/adapters/http/cursors.ts';
import type { UserId } from '../src/domain/ids.ts';
import { timestampOf } from '../src/domain/time.ts';
import { commitLogBytes } from './commit-log.ts';
import { pairOf } from './data/fixtures.ts';
import { idIn, writeHistories, type History } from './data/history.ts';
import { writeInboxes, type Inbox, type Move } from './data/inbox.ts';
import { DAY_MS, moving, spreadOver } from './data/inboxes.ts';
import { latency } from './paired-benchmark.ts';
import { observedService } from './in-process.ts';
import type { LoadRequest } from './load/request.ts';
import type { LoadGenerator } from './processes.ts';
import type { Goal, Section, Table } from './report/section.ts';
import { figure, spread } from './report/format.ts';
import { ask } from './same-answers.ts';
import type { Database, BenchEnvironment } from './environment.ts';
import { measured, ratios, type Measured } from './statistics.ts';
import type { Reading, Work } from './work.ts';
import { inboxPath, pathOf, sendIn } from './workloads.ts';

const MOST_BY_SIZE = 1.5;
const MOST_IN_HOSTILE = 8;
const MOST_IN_QUIET = 3;

const MINUTE_MS = 60_000;
const YEAR_MS = 365 * DAY_MS;

/** A page whose cost is measured. */
interface Case {
  readonly name: string;
  /** The name of the reference case; its own name for the smallest case of a kind. */
  readonly against: string;
  /** The maximum ratio to the cost of the reference case. */
  readonly most: number;
  /** Requested in turn, so that not the same rows are read each time. */
  readonly requests: readonly LoadRequest[];
}

/** The cost of a page. */
interface Cost {
  readonly page: Case;
  readonly milliseconds: Measured;
  /** Ratio to the reference case, per round. */
  readonly ratio: Measured;
  readonly shown: number;
  readonly work: Work;
  readonly reading: Reading;
}

/** Pages of small and large lists, and of lists with an activity pattern that is hard for simpler designs. */
export async function flat(bench: BenchEnvironment): Promise<Section> {
  const database = await bench.database();
  const now = Date.now();
  const data = makeData(now, bench.quick);
  bench.say('writes conversations of up to ' + figure(data.histories.at(-1)?.count ?? 0) + ' messages');
  await writeHistories(database.client, [...data.histories, data.quiet]);
  bench.say('writes inboxes');
  const moves = await writeInboxes(database.client, [...data.inboxes.values(), ...data.hostile.values()]);
  bench.say(`wrote inboxes out of ${figure(moves)} messages`);

  const service = await bench.startServer('service', database.environment);
  const generator = bench.startGenerator();
  const cases = [...historyCases(data), ...(await inboxCases(service.url, data))];
  const seen = await seenOf(database, cases);
  const times = await timesOf(generator, service.url, cases, bench.quick);
  const costs = cases.map((page): Cost => {
    const own = times.get(page.name)!;
    return {
      page,
      milliseconds: measured(own),
      ratio: ratios(own, times.get(page.against)!),
      ...seen.get(page.name)!,
    };
  });
  const bytes = await bytesPerMessage(database, generator, service.url);
  bench.say(`a message of 100 characters writes ${figure(bytes)} bytes`);
  return {
    title: 'Flat',
    about:
      'One client over HTTP, all pages in turn in each round, so that small and large lists are measured in the ' +
      `same minutes. A generator with its own clock writes the rows that sends leave. ` +
      `Rows and tombstones are from Cassandra’s query traces. A send of 100 characters between two people ` +
      `writes ${figure(bytes)} bytes to the commit log: three mutations.`,
    tables: [tableOf(costs)],
    goals: goalsOf(costs),
    bars: [
      barsOf('Time of a page, in multiples of the same page of the smallest list', MOST_BY_SIZE, costs),
      barsOf(
        'Time of the first inbox page after many moves, in multiples of the smallest inbox’s',
        MOST_IN_HOSTILE,
        costs,
      ),
    ],
    figures: { costs, bytesPerMessage: bytes },
  };
}

type Data = ReturnType<typeof makeData>;

/** The data to write. A quick run has fewer moves. */
function makeData(now: number, quick: boolean) {
  const histories = [100, 1_000, 10_000, ...(quick ? [] : [100_000, 1_000_000])].map((count): History => ({
    pair: pairOf(`history-${count}`, `history-${count}-too`),
    count,
    every: 26_000,
    until: now,
  }));
  const quiet: History = { pair: pairOf('quiet', 'quiet-too'), count: 60, every: 30.4 * DAY_MS, until: now };

  const inboxes = new Map<number, Inbox>(
    [10, 100, 1_000, ...(quick ? [] : [10_000, 100_000])].map((count) => [
      count,
      { owner: `inbox-${count}` as UserId, moves: () => spreadOver(now, count, 60 * DAY_MS) },
    ]),
  );

  const hostile = new Map<string, Inbox>();
  const add = (name: string, moves: () => Iterable<Move>): void => {
    hostile.set(name, { owner: `hostile-${hostile.size}` as UserId, moves });
  };
  /** Moves of the first conversations, above other conversations that do not move during this period. */
  const above = (quietOnes: number, conversations: number, moves: number, within: number) =>
    function* (): Generator<Move> {
      for (const { conversation, at } of spreadOver(now - within, quietOnes, 60 * DAY_MS)) {
        yield { conversation: conversations + conversation, at };
      }
      yield* moving(now, { first: 0, conversations, moves, within });
    };
  const many = quick ? 10_000 : 100_000;
  add(`one moved ${figure(many)} times in 30 days, 30 below`, above(30, 1, many, 30 * DAY_MS));
  add('10,000 moved within ten minutes', () => spreadOver(now, 10_000, 10 * MINUTE_MS));
  add('10,000 moved within an hour', () => spreadOver(now, 10_000, 60 * MINUTE_MS));
  const every = quick ? 60 : 5;
  const busy = (20 * 30 * DAY_MS) / (every * MINUTE_MS);
  add(`20 busy every ${every} minutes for 30 days, 500 quiet below`, above(500, 20, busy, 30 * DAY_MS));
  add('10 busy daily for two years, 500 quiet below', above(500, 10, 10 * 730, 2 * YEAR_MS));
  return { histories, quiet, inboxes, hostile };
}

const MIDDLES = 40;

function historyCases({ histories, quiet }: Data): Case[] {
  const get = (path: string): LoadRequest => ({ method: 'GET', path });
  const named = (kind: string, count: number): string => `${kind} of ${figure(count)} messages`;
  /** Positions in the middle half of a history, as far apart as possible. */
  const middles = (history: History) =>
    Array.from({ length: MIDDLES }, (_, index) =>
      idIn(history, Math.floor(history.count * (0.25 + 0.5 * ((index * 0.618034) % 1)))),
    );
  const kinds: Record<string, (history: History) => LoadRequest[]> = {
    'newest page': ({ pair }) => [get(pathOf(pair))],
    'page in the middle, by cursor,': (history) =>
      middles(history).map((id) => {
        const cursor = cursorAt({ kind: 'history', of: history.pair.conversationId }, id);
        return get(`${pathOf(history.pair)}?cursor=${cursor}`);
      }),
    'page in the middle, by time,': (history) =>
      middles(history).map((id) => get(`${pathOf(history.pair)}/before?timestamp=${timestampOf(id)}`)),
  };
  const smallest = histories[0]!.count;
  return [
    ...Object.entries(kinds).flatMap(([kind, requestsOf]) =>
      histories.map((history) => ({
        name: named(kind, history.count),
        against: named(kind, smallest),
        most: MOST_BY_SIZE,
        requests: requestsOf(history),
      })),
    ),
    {
      name: 'newest page of a message a month for five years',
      against: named('newest page', smallest),
      most: MOST_IN_QUIET,
      requests: [get(pathOf(quiet.pair))],
    },
  ];
}

const PAGES = [1, 10, 50];

async function inboxCases(url: string, { inboxes, hostile }: Data): Promise<Case[]> {
  const named = (page: number, count: number): string =>
    `inbox page ${page} of ${figure(count)} conversations`;
  const cases: Case[] = [];
  for (const page of PAGES) {
    const fitting = [...inboxes].filter(([count]) => count > (page - 1) * 20);
    for (const [count, { owner }] of fitting) {
      cases.push({
        name: named(page, count),
        against: named(page, fitting[0]![0]),
        most: MOST_BY_SIZE,
        requests: [{ method: 'GET', path: await pagePath(url, owner, page) }],
      });
    }
  }
  const [smallest = 0] = inboxes.keys();
  for (const [name, { owner }] of hostile) {
    cases.push({
      name: `inbox: ${name}`,
      against: named(1, smallest),
      most: MOST_IN_HOSTILE,
      requests: [{ method: 'GET', path: inboxPath(owner) }],
    });
  }
  return cases;
}

/** The path of page `page` of an inbox, found by following cursors. */
async function pagePath(url: string, owner: UserId, page: number): Promise<string> {
  let path = inboxPath(owner);
  for (let turned = 1; turned < page; turned += 1) {
    const { text } = await ask(url, { method: 'GET', path });
    const { next_cursor } = JSON.parse(text) as { next_cursor: string };
    path = `${inboxPath(owner)}?cursor=${next_cursor}`;
  }
  return path;
}

/** The number of rows that each page shows, and its database work. */
async function seenOf(
  { options }: Database,
  cases: readonly Case[],
): Promise<Map<string, Pick<Cost, 'shown' | 'work' | 'reading'>>> {
  const server = await observedService(options);
  const seen = new Map<string, Pick<Cost, 'shown' | 'work' | 'reading'>>();
  for (const { name, requests } of cases) {
    const request = requests[0]!;
    let shown = 0;
    const work = await server.client.workOf(async () => {
      const { text } = await ask(server.url, request);
      shown = (JSON.parse(text) as { data: unknown[] }).data.length;
    });
    const reading = await server.client.readingOf(() => ask(server.url, request));
    seen.set(name, { shown, work, reading });
  }
  await server.close();
  return seen;
}

/** The median time of each page in each round, in milliseconds. */
async function timesOf(
  generator: LoadGenerator,
  url: string,
  cases: readonly Case[],
  quick: boolean,
): Promise<Map<string, number[]>> {
  const [rounds, asked] = quick ? [3, 5] : [25, 20];
  const times = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  const load = (requests: readonly LoadRequest[]) =>
    generator.load({ urls: [url], requests, clients: 1, milliseconds: 0, atLeast: asked });
  for (const { requests } of cases) await load(requests);
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, requests } of cases) {
      const begin = (round * asked) % requests.length;
      const report = await load([...requests.slice(begin), ...requests.slice(0, begin)]);
      times.get(name)!.push(latency(0.5)(report));
    }
  }
  return times;
}

const SENDS = 2_000;

/** The commit log bytes of a send in an existing conversation. */
async function bytesPerMessage(
  { commitLog }: Database,
  generator: LoadGenerator,
  url: string,
): Promise<number> {
  const requests = Array.from({ length: 20 }, (_, index) =>
    sendIn(pairOf(`writer-${index}`, `reader-${index}`)),
  );
  const send = (atLeast: number) =>
    generator.load({ urls: [url], requests, clients: 4, milliseconds: 0, atLeast });
  await send(requests.length);
  const before = commitLogBytes(commitLog);
  const { latencies } = await send(SENDS);
  return (commitLogBytes(commitLog) - before) / latencies.length;
}

function tableOf(costs: readonly Cost[]): Table {
  return {
    title: '',
    columns: [
      'page',
      'median, ms',
      '**of the smallest’s**',
      'rows shown',
      'rows read for each',
      'tombstones read',
      'queries',
      'sequential queries',
    ],
    rows: costs.map(({ page, milliseconds, ratio, shown, work, reading }) => [
      page.name,
      figure(milliseconds.median),
      page.name === page.against ? '1' : spread(ratio),
      String(shown),
      figure(reading.rows / shown),
      String(reading.tombstones),
      String(work.requests),
      String(work.roundTrips),
    ]),
  };
}

/** Goals: for pages whose list grows, the largest list; for the others, each page. */
function goalsOf(costs: readonly Cost[]): Goal[] {
  return costs
    .filter(
      ({ page }, index) => page.most !== MOST_BY_SIZE || costs[index + 1]?.page.against !== page.against,
    )
    .map(({ page, ratio }) => ({
      what: `${page.name}: median of ${page.against}`,
      wanted: `≤ ${page.most}`,
      got: figure(ratio.median),
      met: ratio.median <= page.most,
    }));
}

function barsOf(title: string, most: number, costs: readonly Cost[]) {
  return {
    title,
    goal: most,
    goalIs: 'most' as const,
    bars: costs
      .filter(({ page }) => page.most === most && page.name !== page.against)
      .map(({ page, ratio }) => ({
        name: page.name,
        ratio: ratio.median,
        low: ratio.low,
        high: ratio.high,
      })),
  };
}
