import { createRequire } from 'node:module';
import { errors, types, type policies, type QueryOptions } from 'cassandra-driver';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HedgePolicy, TransactionRetry, WriteAttempts } from '../../src/adapters/cassandra/retry-policies.ts';
import { NOOP_TELEMETRY } from '../../src/application/ports/telemetry.ts';

const TRANSACTION = 'INSERT INTO messages_by_idempotency_key (sender_id) VALUES (?) IF NOT EXISTS';
const PLAIN = 'INSERT INTO messages_by_conversation (conversation_id) VALUES (?)';

/** The milliseconds after which each further attempt starts, when no attempt ever answers. */
function delaysOf(policy: HedgePolicy, query: string): number[] {
  const { nextExecution } = policy.newPlan('messenger', query);
  const delays: number[] = [];
  for (let delay = nextExecution(); delay >= 0; delay = nextExecution()) delays.push(delay);
  return delays;
}

describe('hedged statements', () => {
  it('go to two further nodes, transactions later and ever more slowly', () => {
    const policy = new HedgePolicy();
    expect(delaysOf(policy, PLAIN)).toEqual([200, 200]);
    expect(delaysOf(policy, TRANSACTION)).toEqual([300, 600]);
  });

  it('are at most half as many as there are transactions, and fifty in a row', () => {
    const policy = new HedgePolicy();
    let hedged = 0;
    for (let sent = 1; sent <= 1_000; sent += 1) {
      hedged += delaysOf(policy, TRANSACTION).length;
      expect(hedged).toBeLessThanOrEqual(50 + sent / 2);
    }
    expect(hedged).toBeGreaterThan(500);
    expect(delaysOf(policy, PLAIN), 'plain statements').toHaveLength(2);
  });

  it('are allowed again after transactions that were answered at once', () => {
    const policy = new HedgePolicy();
    while (delaysOf(policy, TRANSACTION).length > 0);
    for (let sent = 0; sent < 98; sent += 1) policy.newPlan('messenger', TRANSACTION).nextExecution();
    let inARow = 0;
    for (let more = 1; more > 0; inARow += more) more = delaysOf(policy, TRANSACTION).length;
    expect(inARow).toBeGreaterThan(50);
  });

  it('reach every third transaction for as long as one of three nodes hangs', () => {
    const policy = new HedgePolicy();
    for (let sent = 0; sent < 10_000; sent += 1) {
      const { nextExecution } = policy.newPlan('messenger', TRANSACTION);
      const delay = nextExecution();
      expect(delay).toBe(300);
      if (sent % 3 === 0) nextExecution();
    }
  });
});

/** What a node does with an attempt: after how many milliseconds it answers, and with what; null for never. */
type Reaction = readonly [milliseconds: number, answer: 'applied' | Error] | null;

interface Handler {
  send(): Promise<{ info: { queriedHost: string } }>;
}

const RequestHandler = createRequire(import.meta.url)('cassandra-driver/lib/request-handler.js') as new (
  request: object,
  options: object,
  client: object,
) => Handler;

/** One transaction through the driver itself, over nodes that react as told: first to last as the driver tries them. */
function transaction(...nodes: readonly Reaction[]) {
  const writes = new WriteAttempts(NOOP_TELEMETRY);
  const retry: policies.retry.RetryPolicy = new TransactionRetry(writes, NOOP_TELEMETRY);
  const sent: { node: number; at: number }[] = [];
  const begun = Date.now();
  const nothing = (): void => undefined;
  const hosts = nodes.map((reaction, node) => ({
    address: `node ${node}`,
    isUp: () => true,
    checkHealth: nothing,
    borrowConnection: () => ({
      sendStream(
        _request: object,
        _options: QueryOptions,
        callback: (error: Error | null, answer?: object) => void,
      ) {
        sent.push({ node, at: Date.now() - begun });
        const [milliseconds, answer] = reaction ?? [
          1_500,
          new errors.OperationTimedOutError('no answer', `node ${node}`),
        ];
        const timer = setTimeout(
          () => (answer === 'applied' ? callback(null, { rows: [], info: {} }) : callback(answer)),
          milliseconds,
        );
        return { cancel: () => clearTimeout(timer) };
      },
    }),
  }));
  const loadBalancing = {
    newQueryPlan: (_keyspace: string, _options: object, callback: (error: null, plan: object) => void) =>
      callback(null, hosts.values()),
  };
  const executionOptions = {
    getCaptureStackTrace: () => false,
    getLoadBalancingPolicy: () => loadBalancing,
    getFixedHost: () => null,
    getRetryPolicy: () => retry,
    isIdempotent: () => true,
  };
  const client = {
    keyspace: null,
    options: {
      policies: { speculativeExecution: new HedgePolicy() },
      logEmitter: nothing,
      requestTracker: null,
    },
    profileManager: { getDistance: () => types.distance.local },
    metrics: new Proxy({}, { get: () => nothing }),
  };
  const answer = new RequestHandler({ query: TRANSACTION }, executionOptions, client).send().then(
    ({ info }) => ({ by: info.queriedHost, after: Date.now() - begun }),
    (error: unknown) => ({ error, after: Date.now() - begun }),
  );
  return { answer, sent, writes };
}

/** Cassandra's answer to a coordinator that another one has overtaken. */
const OVERTAKEN = new errors.ResponseError(
  types.responseErrorCodes.writeTimeout,
  '0 acknowledged, 2 required',
);

describe('a transaction over three nodes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is answered by the second where the first hangs', async () => {
    const { answer, sent } = transaction(null, [40, 'applied'], [40, 'applied']);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ by: 'node 1', after: 340 });
    expect(sent).toEqual([
      { node: 0, at: 0 },
      { node: 1, at: 300 },
    ]);
  });

  it('is answered by the third where the first hangs and the second is slow', async () => {
    const { answer } = transaction(null, [1_400, 'applied'], [40, 'applied']);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ by: 'node 2', after: 940 });
  });

  it('waits for the coordinator that overtook the first, and does not disturb it', async () => {
    // As on a busy cluster with a node that hangs: each claim takes longer than the delay.
    const { answer, sent, writes } = transaction([350, OVERTAKEN], [500, 'applied'], null);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ by: 'node 1', after: 800 });
    expect(sent.map(({ node }) => node)).toEqual([0, 1, 2]);
    expect(writes.mayHaveApplied).toBe(true);
  });

  it('ends with the last attempt, not with the first failure', async () => {
    const { answer } = transaction([350, OVERTAKEN], [100, OVERTAKEN], [900, 'applied']);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ by: 'node 2', after: 1_250 });
  });

  it('fails with the errors of all, once none is under way', async () => {
    const { answer } = transaction([10, OVERTAKEN], [10, OVERTAKEN], [10, OVERTAKEN]);
    await vi.runAllTimersAsync();
    const { error } = (await answer) as { error: unknown };
    expect(error).toBeInstanceOf(errors.NoHostAvailableError);
    expect(Object.keys((error as errors.NoHostAvailableError).innerErrors)).toHaveLength(3);
  });
});
