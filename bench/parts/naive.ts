import { types, type Client } from 'cassandra-driver';
import type { Statement } from '../../src/adapters/cassandra/session.ts';
import { cursorAt } from '../../src/adapters/http/cursors.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { INBOXES } from '../../test/support/inboxes.ts';
import {
  compare,
  comparisonTable,
  FULL_PACE,
  QUICK_PACE,
  ratioGoal,
  ratioOf,
  rejectedIn,
} from '../comparison.ts';
import {
  conversationOf,
  evenly,
  idIn,
  timeIn,
  writeBatches,
  writeHistories,
  writeInboxes,
  type History,
  type Inbox,
} from '../data.ts';
import type { Environment } from '../environment.ts';
import type { LoadRequest } from '../load.ts';
import type { Section } from '../results.ts';
import { DELETE_INBOX_ROW, NAIVE_TABLES, PUT_INBOX_ROW, PUT_MESSAGE } from '../servers/naive.ts';
import { CONTENT, historyRequest, inboxRequest, pairOf, SENDS } from '../workloads.ts';

const MOVED = '10 of 200 moved 20,000 times';
const PAGE = 50;
const KEYED = 'send with a key';

/** The minimum throughput of the service, as a share of that of the other side. */
const GOALS: Readonly<Record<string, number>> = {
  'inbox of 40 conversations': 0.95,
  'inbox of 200 conversations': 0.7,
  send: 0.9,
  [KEYED]: 0.6,
};

/** The costs and the benefits of the stored shape, against the usual design of such services. */
export async function naive(bench: Environment): Promise<Section> {
  const database = await bench.database();
  const { client } = database;
  for (const statement of NAIVE_TABLES) await client.execute(statement);
  const now = Date.now();
  const inboxOf = (owner: string, moves: Inbox['moves']): Inbox => ({
    owner: owner as UserId,
    moves: [...moves].sort((a, b) => a.at - b.at),
  });
  const small = inboxOf('small', evenly(now, 40, 60));
  const large = inboxOf('large', evenly(now, 200, 60));
  const moved = inboxOf('moved', INBOXES[MOVED]!(now * 1000, 1));
  const history: History = {
    pair: pairOf('deep-1', 'deep-2'),
    count: bench.quick ? 2_000 : 10_000,
    every: 20_000,
    until: now,
  };
  bench.log('writing the same data for both designs');
  await writeInboxes(client, [small, large, moved]);
  await writeHistories(client, [history]);
  await writeNaive(client, [small, large, moved], history);

  const service = await bench.startServer('service', database.variables);
  const usual = await bench.startServer('naive', database.variables);
  const cursor = cursorAt(
    { kind: 'history', of: history.pair.conversationId },
    idIn(history, history.count - (PAGE - 1) * 20),
  );
  const page = historyRequest(history.pair);
  const forBoth = (requests: readonly LoadRequest[]) => ({
    service: { server: service, requests },
    'naive design': { server: usual, requests },
  });
  const workloads = {
    'inbox of 40 conversations': forBoth([inboxRequest(small.owner)]),
    'inbox of 200 conversations': forBoth([inboxRequest(large.owner)]),
    [`inbox, ${MOVED}`]: forBoth([inboxRequest(moved.owner)]),
    [`page ${PAGE} of a history`]: {
      service: { server: service, requests: [historyRequest(history.pair, cursor)] },
      'naive design': { server: usual, requests: [{ ...page, path: `${page.path}?page=${PAGE}` }] },
    },
    send: forBoth(SENDS),
    [KEYED]: {
      service: { server: service, requests: SENDS.map((request) => ({ ...request, keyed: true as const })) },
      'send without a key': { server: service, requests: SENDS },
    },
  };
  const pace = bench.quick ? QUICK_PACE : { ...FULL_PACE, seconds: 2, connections: [16] };
  const comparisons = await compare(workloads, pace, { quantity: 'throughput', log: bench.log });
  return {
    title: 'What does the stored shape cost and gain, against the usual design?',
    about:
      'The service against `bench/servers/naive.ts`: inbox rows sorted by time, which a send deletes and inserts again; ' +
      'one query per page, and all rows before a numbered page. It is bare `node:http` without validation, log, ' +
      'idempotency keys and unread state, so the service also pays for those here. Sends with a key are compared with ' +
      `sends without one. The data are the same, on the same Cassandra.${rejectedIn(comparisons)}`,
    tables: [comparisonTable(comparisons)],
    goals: comparisons.flatMap((comparison) => {
      const goal = GOALS[comparison.workload];
      return goal === undefined ? [] : [ratioGoal(comparison, 'throughput', 'least', goal)];
    }),
    charts: [
      {
        kind: 'bars',
        title: 'Throughput against the usual design',
        subtitle:
          'The service, as a multiple of a bare server with a table sorted by time. Higher is better. ' +
          'Sends with a key: against sends without one.',
        bars: comparisons.map((comparison) => ({
          name: comparison.workload,
          value: ratioOf(comparison, 'throughput'),
          goalIs: 'least',
          goal: GOALS[comparison.workload] ?? null,
        })),
      },
    ],
  };
}

const BATCH = 50;

/** Writes the rows that sends leave in the naive tables: for each move in an inbox, a delete and an insert. */
async function writeNaive(client: Client, inboxes: readonly Inbox[], history: History): Promise<void> {
  function* batches(): Generator<Statement[]> {
    for (const { owner, moves } of inboxes) {
      const places = new Map<number, Date>();
      for (let begin = 0; begin < moves.length; begin += BATCH) {
        yield moves.slice(begin, begin + BATCH).flatMap(({ conversation, at }) => {
          const { other, conversationId } = conversationOf(owner, conversation);
          const before = places.get(conversation);
          const place = new Date(at / 1000);
          places.set(conversation, place);
          return [
            ...(before === undefined
              ? []
              : [{ query: DELETE_INBOX_ROW, params: [owner, before, conversationId] }]),
            { query: PUT_INBOX_ROW, params: [owner, place, conversationId, other, CONTENT] },
          ];
        });
      }
    }
    const { one, other, conversationId } = history.pair;
    for (let begin = 0; begin < history.count; begin += BATCH) {
      yield Array.from({ length: Math.min(BATCH, history.count - begin) }, (_, index) => {
        const id = types.TimeUuid.fromDate(new Date(timeIn(history, begin + index)));
        return { query: PUT_MESSAGE, params: [conversationId, id, one, other, CONTENT] };
      });
    }
  }
  await writeBatches(client, batches());
}
