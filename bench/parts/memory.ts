import assert from 'node:assert/strict';
import { sign } from 'hono/jwt';
import type { UserId } from '../../src/domain/ids.ts';
import type { Environment as Bench } from '../environment.ts';
import {
  assertSameAnswers,
  compare,
  comparisonTable,
  FULL_PACE,
  QUICK_PACE,
  ratioGoal,
  ratioOf,
  rejectedIn,
  type Comparison,
  type Pace,
} from '../comparison.ts';
import { requestOnce, type LoadRequest } from '../load.ts';
import type { Server } from '../processes.ts';
import type { Section } from '../results.ts';
import { historyRequest, inboxRequest, pairOf, sendRequest, SENDS, type Pair } from '../workloads.ts';

const READERS = Array.from({ length: 16 }, (_, index) => pairOf(`reader-${index}`, `writer-${index}`));
const ROWS_EACH = 21;

/** The goals for the processor time, as a ratio to each server. */
const GOALS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'bare Hono': { send: 2.2, history: 2.2, inbox: 2.2 },
  'bare node:http': { send: 4, history: 2, inbox: 2 },
};

/** The secret of the tokens. */
const SECRET = 'a secret of the benchmark, of at least thirty-two bytes';

const WORKLOADS: Readonly<Record<string, readonly LoadRequest[]>> = {
  send: SENDS,
  history: READERS.map((pair) => historyRequest(pair)),
  inbox: READERS.map(({ one }) => inboxRequest(one)),
};

/** The cost of the HTTP layer: the service in memory against servers with the same responses from the same storage. */
export async function memory(bench: Bench): Promise<Section> {
  const service = await bench.startServer('service', { STORAGE: 'memory' });
  const others = {
    'bare Hono': await bench.startServer('hono', {}),
    'bare node:http': await bench.startServer('node', {}),
  };
  for (const server of [service, ...Object.values(others)]) await fill(server);
  for (const other of Object.values(others)) {
    for (const requests of Object.values(WORKLOADS)) {
      await assertSameAnswers(service, other, requests.slice(0, 10), 'own');
    }
  }

  const pace = bench.quick
    ? { ...QUICK_PACE, rounds: 3, seconds: 1, warmUpSeconds: 1.5 }
    : { ...FULL_PACE, seconds: 2 };
  const servers = Object.entries({ service, ...others });
  const sidesOf = (requests: readonly LoadRequest[]) =>
    Object.fromEntries(servers.map(([name, server]) => [name, { server, requests }]));
  // They grow the heap.
  const sendsLast = Object.entries(WORKLOADS).reverse();
  const comparisons = await compare(
    Object.fromEntries(sendsLast.map(([workload, requests]) => [workload, sidesOf(requests)])),
    pace,
    { quantity: 'processor', log: bench.log },
  );
  const tokens = bench.quick ? [] : await withTokens(bench, service, pace);
  return {
    title: 'In memory: what does the HTTP layer cost?',
    about:
      'The service with memory storage, its log written to a file, against a bare Hono app and a bare `node:http` ' +
      'server with the same responses from the same storage (`bench/servers/memory.ts`). Pages have 20 rows. ' +
      'With `AUTH=jwt`, the clients of the last rows send one token each, of which the service verifies the signature once ' +
      `a minute.${rejectedIn(comparisons)}`,
    tables: [comparisonTable([...comparisons, ...tokens])],
    goals: comparisons.map((comparison) =>
      ratioGoal(comparison, 'processor', 'most', GOALS[comparison.other]![comparison.workload]!),
    ),
    charts: [
      {
        kind: 'bars',
        title: 'In memory: processor time per request',
        subtitle: 'The service, as a multiple of each server. Lower is better.',
        bars: comparisons.map((comparison) => ({
          name: `${comparison.workload}, ${comparison.connections} connections, against ${comparison.other}`,
          value: ratioOf(comparison, 'processor'),
          goalIs: 'most',
          goal: GOALS[comparison.other]![comparison.workload]!,
        })),
      },
    ],
  };
}

/** Stores an inbox and a history for each reader. */
async function fill(
  server: Server,
  tokenFor: (userId: UserId) => Promise<string> | undefined = () => undefined,
) {
  const fillFor = async (pair: Pair): Promise<void> => {
    const token = await tokenFor(pair.one);
    const pairs = Array.from({ length: ROWS_EACH }, (_, row) => pairOf(pair.one, `friend-${row}`));
    for (const each of [...pairs, ...pairs.map(() => pair)]) {
      const { status, text } = await requestOnce(server.url, {
        ...sendRequest(each),
        ...(token && { token }),
      });
      assert.equal(status, 201, text);
    }
  };
  await Promise.all(READERS.map(fillFor));
}

/** What tokens cost: pages of a history with and without them. */
async function withTokens(bench: Bench, service: Server, pace: Pace): Promise<Comparison[]> {
  const variables = { STORAGE: 'memory', AUTH: 'jwt', AUTH_SECRET: SECRET };
  const guarded = await bench.startServer('service', variables);
  const tokenFor = (sub: UserId) => sign({ sub, exp: Math.floor(Date.now() / 1000) + 3600 }, SECRET, 'HS256');
  await fill(guarded, tokenFor);
  const requests = READERS.map((pair) => historyRequest(pair));
  const signed = await Promise.all(
    READERS.map(async (pair) => ({ ...historyRequest(pair), token: await tokenFor(pair.one) })),
  );
  const sides = {
    'with a token': { server: guarded, requests: signed },
    'without a token': { server: service, requests },
  };
  const options = { quantity: 'processor', log: bench.log } as const;
  return compare({ 'history, with a token': sides }, pace, options);
}
