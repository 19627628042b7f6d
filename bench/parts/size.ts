import type { UserId } from '../../src/domain/ids.ts';
import { cursorAt } from '../../src/adapters/http/cursors.ts';
import { messageIdAt } from '../../src/domain/time.ts';
import { INBOXES } from '../../test/support/inboxes.ts';
import { DAY_MS, evenly, idIn, writeHistories, writeInboxes, type History, type Inbox } from '../data.ts';
import type { Environment } from '../environment.ts';
import { loadInTurn, type LoadRequest } from '../load.ts';
import { RecordingClient, serviceOn } from '../recording.ts';
import { figure, spread, type Goal, type Section, type Table } from '../results.ts';
import { measured, ratios, type Measured } from '../statistics.ts';
import { historyRequest, inboxRequest, pairOf } from '../workloads.ts';

const MAX_BY_SIZE = 1.5;
const MAX_IN_HARD = 8;

/** An age that is beyond the retention of events: such a page of an inbox is read by a scan. */
const OLD_DAYS = 45;

/** Inboxes with many conversations in one instant. They do not occur in ordinary use; they test that pages are exact. */
const TIES: ReadonlySet<string> = new Set([
  '1,000 conversations a second',
  '3,000 conversations in one microsecond',
]);

/** A page whose cost is measured, at one size of its list. */
interface Case {
  /** What is read. All cases of a line in the chart have the same kind. */
  readonly kind: string;
  /** The number of rows in the list; null for a case that is not in a line of the chart. */
  readonly size: number | null;
  readonly requests: readonly LoadRequest[];
}

interface Cost extends Case {
  readonly milliseconds: Measured;
  /** Ratio to the smallest case of its kind, or to the smallest inbox, per round. */
  readonly ratio: Measured;
  readonly queries: number;
  readonly rows: number;
}

/** The cost of a page in small, large and hard lists. */
export async function size(bench: Environment): Promise<Section> {
  const database = await bench.database();
  const { client } = database;
  const now = Date.now();
  const histories = (bench.quick ? [100, 1_000, 10_000] : [100, 1_000, 10_000, 100_000, 1_000_000]).map(
    (count): History => ({
      pair: pairOf(`history-${count}`, 'someone'),
      count,
      every: 26_000,
      until: now,
    }),
  );
  const sparse: History = { pair: pairOf('sparse', 'someone'), count: 60, every: 30.4 * DAY_MS, until: now };
  const inboxes = (bench.quick ? [10, 100, 1_000] : [10, 100, 1_000, 10_000, 100_000]).map((count) => ({
    count,
    owner: `inbox-${count}` as UserId,
    moves: evenly(now, count, 60),
  }));
  const hard: (Inbox & { name: string })[] = Object.entries(INBOXES)
    .filter(([name]) => !TIES.has(name))
    .map(([name, movesOf], index) => ({
      name,
      owner: `hard-${index}` as UserId,
      moves: movesOf(now * 1000, 1),
    }));
  // The largest ones take a minute to write.
  const written = bench.quick ? hard.filter(({ moves }) => moves.length <= 25_000) : hard;
  bench.log('writing histories');
  await writeHistories(client, [...histories, sparse]);
  bench.log('writing inboxes');
  await writeInboxes(client, [...inboxes, ...written]);

  const recording = new RecordingClient(database.options);
  const inProcess = await serviceOn(recording, database.options);
  /** The request for page `page` of an inbox, found by following cursors. */
  const pageOf = async (owner: UserId, page: number): Promise<LoadRequest> => {
    let request = inboxRequest(owner);
    for (let turned = 1; turned < page; turned += 1) {
      const { next_cursor } = (await inProcess(request)) as { next_cursor: string };
      request = inboxRequest(owner, next_cursor);
    }
    return request;
  };
  const cases: Case[] = [];
  for (const history of histories) {
    const list = { kind: 'history', of: history.pair.conversationId } as const;
    const middle = cursorAt(list, idIn(history, history.count / 2));
    cases.push(
      { kind: 'history, newest page', size: history.count, requests: [historyRequest(history.pair)] },
      {
        kind: 'history, page in the middle',
        size: history.count,
        requests: [historyRequest(history.pair, middle)],
      },
    );
  }
  for (const { owner, count } of inboxes) {
    cases.push({ kind: 'inbox, page 1', size: count, requests: [inboxRequest(owner)] });
    if (count < 1_000) continue;
    const old = cursorAt(
      { kind: 'inbox', of: owner },
      messageIdAt((now - OLD_DAYS * DAY_MS) * 1_000, 0, '0'.repeat(13)),
    );
    cases.push(
      { kind: 'inbox, page 40', size: count, requests: [await pageOf(owner, 40)] },
      { kind: `inbox, page of ${OLD_DAYS} days ago`, size: count, requests: [inboxRequest(owner, old)] },
    );
  }
  cases.sort((a, b) => a.kind.localeCompare(b.kind) || (a.size ?? 0) - (b.size ?? 0));
  cases.push({
    kind: 'history, one message a month for five years',
    size: null,
    requests: [historyRequest(sparse.pair)],
  });
  for (const { name, owner } of written) {
    cases.push({ kind: `inbox: ${name}`, size: null, requests: [inboxRequest(owner)] });
  }
  const costs = await costsOf(bench, cases, (request) => recording.workOf(() => inProcess(request)));

  await recording.shutdown();

  return {
    title: 'Does a page cost the same in large lists?',
    about:
      'One client over HTTP; all pages in turn in each round, so that small and large lists are measured in the same ' +
      'minutes. A ratio is that to the smallest list of the same kind, or for hard inboxes to the smallest inbox. ' +
      'Queries and rows are counted at the driver. Inboxes spread over 60 days; the event log reaches back 30 days.',
    tables: [costTable(costs)],
    goals: goalsOf(costs),
    charts: [
      {
        kind: 'lines',
        title: 'Time of a page by the size of its list',
        subtitle: 'Both axes are logarithmic. A flat line means that the size does not matter.',
        x: 'messages in the conversation, or conversations in the inbox',
        y: 'ms',
        lines: [...new Set(costs.filter((cost) => cost.size !== null).map(({ kind }) => kind))].map(
          (name) => ({
            name,
            points: costs
              .filter(({ kind }) => kind === name)
              .map((cost) => ({ size: cost.size ?? 0, value: cost.milliseconds })),
          }),
        ),
      },
      {
        kind: 'bars',
        title: 'Time of the first page of a hard inbox',
        subtitle: 'As a multiple of the first page of an inbox with 10 conversations. Lower is better.',
        bars: costs
          .filter((cost) => cost.kind.startsWith('inbox: '))
          .map(({ kind, ratio }) => ({
            name: kind.slice('inbox: '.length),
            value: ratio,
            goalIs: 'most',
            goal: MAX_IN_HARD,
          })),
      },
    ],
  };
}

async function costsOf(
  bench: Environment,
  cases: readonly Case[],
  workOf: (request: LoadRequest) => Promise<{ requests: readonly string[]; rows: number }>,
): Promise<Cost[]> {
  const { variables } = await bench.database();
  const service = await bench.startServer('service', variables);
  const [rounds, seconds] = bench.quick ? [2, 0.1] : [7, 0.3];
  const lists = new Map(cases.map((each) => [each, each.requests]));
  const pace = { rounds, connections: 1, seconds, settleSeconds: 0.05 };
  const times = [...(await loadInTurn(service, lists, pace))].map(
    ([each, measured]) => [each, measured.map(({ p50 }) => p50)] as const,
  );
  const costs: Cost[] = [];
  for (const [each, own] of times) {
    const kind = each.size === null ? `${each.kind.split(/[:,]/)[0]!}, ` : each.kind;
    const smallest = times.find(([other]) => other.size !== null && other.kind.startsWith(kind))!;
    const { requests, rows } = await workOf(each.requests[0]!);
    costs.push({
      ...each,
      milliseconds: measured(own),
      ratio: ratios(own, smallest[1]),
      queries: requests.length,
      rows,
    });
  }
  return costs;
}

function nameOf({ kind, size }: Case): string {
  return size === null ? kind : `${kind} of ${figure(size)}`;
}

function costTable(costs: readonly Cost[]): Table {
  return {
    title: '',
    columns: ['page', 'p50 ms', '**of the smallest**', 'queries', 'rows'],
    rows: costs.map((cost) => [
      nameOf(cost),
      figure(cost.milliseconds.median),
      spread(cost.ratio),
      figure(cost.queries),
      figure(cost.rows),
    ]),
  };
}

/** A goal for the largest list of each kind, and for each hard list. */
function goalsOf(costs: readonly Cost[]): Goal[] {
  return costs
    .filter((cost, index) => cost.size === null || costs[index + 1]?.kind !== cost.kind)
    .map((cost) => ({
      what: `${nameOf(cost)}: time, of the smallest`,
      goalIs: 'most',
      goal: cost.size === null ? MAX_IN_HARD : MAX_BY_SIZE,
      value: cost.ratio,
    }));
}
