import { types, type Client } from 'cassandra-driver';
import { cursorAt } from '../src/adapters/http/cursors.ts';
import type { Statement } from '../src/adapters/cassandra/session.ts';
import type { UserId } from '../src/domain/ids.ts';
import { CONTENT, pairOf } from './data/fixtures.ts';
import { idIn, timeIn, writeHistories, type History } from './data/history.ts';
import { conversationOf, writeInboxes, type Inbox } from './data/inbox.ts';
import { DAY_MS, moving, spreadOver } from './data/inboxes.ts';
import { writeBatches } from './data/write-batches.ts';
import { besideTable, pairedBenchmark, QUICK_PACE, type PairedBenchmark } from './paired-benchmark.ts';
import type { LoadRequest } from './load/request.ts';
import type { Section } from './report/section.ts';
import { figure, spread } from './report/format.ts';
import type { BenchEnvironment } from './environment.ts';
import { DELETE_INBOX_ROW, PUT_INBOX_ROW, PUT_MESSAGE, NAIVE_TABLES } from './naive/schema.ts';
import { inboxPath, pathOf, sendIn } from './workloads.ts';

const CONVERSATIONS = 200;
const BUSY = 10;
const DEEP_PAGE = 50;

/** Compares the service with the schema that most such services use, on bare node:http. */
export async function againstNaive(bench: BenchEnvironment): Promise<Section> {
  const database = await bench.database();
  const { client } = database;
  for (const statement of NAIVE_TABLES) await client.execute(statement);

  const now = Date.now();
  const moves = bench.quick ? 3_000 : 20_000;
  const resting: Inbox = {
    owner: 'resting' as UserId,
    moves: () => spreadOver(now, CONVERSATIONS, 60 * DAY_MS),
  };
  const moved: Inbox = {
    owner: 'moved' as UserId,
    *moves() {
      yield* spreadOver(now - 30 * DAY_MS, CONVERSATIONS - BUSY, 60 * DAY_MS);
      yield* moving(now, { first: CONVERSATIONS, conversations: BUSY, moves, within: 30 * DAY_MS });
    },
  };
  const history: History = { pair: pairOf('deep', 'deep-too'), count: 10_000, every: 20_000, until: now };
  bench.say('writing the same data for both designs');
  await writeInboxes(client, [resting, moved]);
  await writeHistories(client, [history]);
  await writeNaive(client, [resting, moved], history);

  const talkers = Array.from({ length: 1_000 }, (_, index) => pairOf(`naive-${index}`, `naive-${index}-too`));
  const path = pathOf(history.pair);
  const place = idIn(history, history.count - (DEEP_PAGE - 1) * 20);
  const cursor = cursorAt({ kind: 'history', of: history.pair.conversationId }, place);
  const get = (path: string): LoadRequest[] => [{ method: 'GET', path }];
  const compared: Record<string, readonly [ours: readonly LoadRequest[], theirs: readonly LoadRequest[]]> = {
    send: both(talkers.map(sendIn)),
    [`inbox page, ${CONVERSATIONS} conversations`]: both(get(inboxPath(resting.owner))),
    [`the same, ${BUSY} of them moved ${figure(moves)} times`]: both(get(inboxPath(moved.owner))),
    [`page ${DEEP_PAGE} of a history`]: [get(`${path}?cursor=${cursor}`), get(`${path}?page=${DEEP_PAGE}`)],
  };

  const service = await bench.startServer('service', database.environment);
  const naive = await bench.startServer('naive', database.environment);
  const generator = bench.startGenerator();
  const pace = bench.quick ? QUICK_PACE : { rounds: 5, milliseconds: 1_000, warmUpMs: 4_000 };
  const results: { name: string; benchmark: PairedBenchmark }[] = [];
  for (const [name, [ours, theirs]] of Object.entries(compared)) {
    const one = { url: service.url, requests: ours };
    const other = { url: naive.url, requests: theirs };
    for (const result of await pairedBenchmark({ generator, one, other, clients: [16], pace })) {
      results.push({ name, benchmark: result });
      bench.say(`${name}: ${spread(result.throughput)} of the naive design`);
    }
  }
  return {
    title: 'Service against the naive design',
    about:
      'The service compared with `bench/naive`: inbox rows keyed by time, deleted and reinserted with each message, ' +
      'after reading their position; numbered pages that read all previous rows; a count with each page. It is ' +
      'bare `node:http` without validation, so that only the service pays for a framework. Sixteen ' +
      'clients, the same data on the same Cassandra.',
    tables: [besideTable('service', 'naive', results)],
    goals: [],
    bars: [],
    figures: results,
  };
}

function both(requests: readonly LoadRequest[]) {
  return [requests, requests] as const;
}

const BATCH = 50;

/** Writes the rows that sends leave in the naive tables: for each move in an inbox, a delete and an insert. */
async function writeNaive(client: Client, inboxes: readonly Inbox[], history: History): Promise<void> {
  function* batches(): Generator<Statement[]> {
    for (const { owner, moves } of inboxes) {
      const places = new Map<number, Date>();
      let batch: Statement[] = [];
      for (const { conversation, at } of moves()) {
        const { other, conversationId } = conversationOf(owner, conversation);
        const before = places.get(conversation);
        const place = new Date(at);
        if (before !== undefined) {
          batch.push({ query: DELETE_INBOX_ROW, params: [owner, before, conversationId] });
        }
        batch.push({ query: PUT_INBOX_ROW, params: [owner, place, conversationId, other, CONTENT] });
        places.set(conversation, place);
        if (batch.length >= BATCH) {
          yield batch;
          batch = [];
        }
      }
      if (batch.length > 0) yield batch;
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
