import { createRequire } from 'node:module';
import { errors, types, type Client, type policies, type QueryOptions } from 'cassandra-driver';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  clientOptions,
  sessionOptions,
  type CassandraOptions,
} from '../../src/adapters/cassandra/connect.ts';
import { HedgePolicy, TransactionRetry, WriteAttempts } from '../../src/adapters/cassandra/retry-policies.ts';
import { makeSession } from '../../src/adapters/cassandra/session.ts';
import { NOOP_TELEMETRY } from '../../src/application/ports/telemetry.ts';

const TRANSACTION = 'INSERT INTO messages_by_idempotency_key (sender_id) VALUES (?) IF NOT EXISTS';
const PLAIN = 'INSERT INTO messages_by_conversation (conversation_id) VALUES (?)';

/** The delays in milliseconds of further attempts if no attempt is answered. */
function delaysOf(policy: HedgePolicy, query: string): number[] {
  const { nextExecution } = policy.newPlan('messenger', query);
  const delays: number[] = [];
  for (let delay = nextExecution(); delay >= 0; delay = nextExecution()) delays.push(delay);
  return delays;
}

describe('hedged statements', () => {
  it('go to two further nodes, for transactions later and with growing delays', () => {
    const policy = new HedgePolicy();
    expect(delaysOf(policy, PLAIN)).toEqual([200, 200]);
    expect(delaysOf(policy, TRANSACTION)).toEqual([300, 600]);
  });

  it('are at most half of the transactions, and at most fifty in a row', () => {
    const policy = new HedgePolicy();
    let hedged = 0;
    for (let sent = 1; sent <= 1_000; sent += 1) {
      hedged += delaysOf(policy, TRANSACTION).length;
      expect(hedged).toBeLessThanOrEqual(50 + sent / 2);
    }
    expect(hedged).toBeGreaterThan(500);
    expect(delaysOf(policy, PLAIN), 'plain statements').toHaveLength(2);
  });

  it('are allowed again after fast transactions', () => {
    const policy = new HedgePolicy();
    while (delaysOf(policy, TRANSACTION).length > 0);
    for (let sent = 0; sent < 98; sent += 1) policy.newPlan('messenger', TRANSACTION).nextExecution();
    let inARow = 0;
    for (let more = 1; more > 0; inARow += more) more = delaysOf(policy, TRANSACTION).length;
    expect(inARow).toBeGreaterThan(50);
  });

  it('cover every third transaction while one of three nodes hangs', () => {
    const policy = new HedgePolicy();
    for (let sent = 0; sent < 10_000; sent += 1) {
      const { nextExecution } = policy.newPlan('messenger', TRANSACTION);
      const delay = nextExecution();
      expect(delay).toBe(300);
      if (sent % 3 === 0) nextExecution();
    }
  });
});

/** The reaction of a node to an attempt: the delay in milliseconds and the response; null for no response. */
type NodeBehavior = readonly [milliseconds: number, answer: 'ok' | Error] | null;

interface Handler {
  send(): Promise<types.ResultSet>;
}

const OPTIONS: CassandraOptions = {
  contactPoints: ['127.0.0.1:9042'],
  localDatacenter: 'datacenter1',
  keyspace: 'messenger',
  credentials: null,
  tlsCa: null,
  tlsClient: null,
  consistency: { read: 'LOCAL_QUORUM', write: 'LOCAL_QUORUM', serial: 'LOCAL_SERIAL' },
  maxClockSkewMs: 1_000,
  eventRetentionDays: 30,
  keyRetentionDays: 30,
  requestTimeoutMs: 5_000,
};

const ATTEMPT_MS = clientOptions(OPTIONS).socketOptions?.readTimeout ?? NaN;

const RequestHandler = createRequire(import.meta.url)('cassandra-driver/lib/request-handler.js') as new (
  request: object,
  options: object,
  client: object,
) => Handler;

/** One statement through the real driver, over nodes with these reactions, in the order in which the driver tries them. */
function execute(
  query: string,
  { retry, readTimeout = ATTEMPT_MS }: Pick<QueryOptions, 'retry' | 'readTimeout'>,
  nodes: readonly NodeBehavior[],
) {
  const sent: { node: number; at: number }[] = [];
  const begun = Date.now();
  const nothing = (): void => undefined;
  const hosts = nodes.map((reaction, node) => ({
    address: `node ${node}`,
    isUp: () => true,
    checkHealth: nothing,
    removeFromPool: nothing,
    borrowConnection: () => ({
      sendStream(
        _request: object,
        _options: QueryOptions,
        callback: (error: Error | null, answer?: object) => void,
      ) {
        sent.push({ node, at: Date.now() - begun });
        const [milliseconds, answer] =
          reaction !== null && reaction[0] < readTimeout
            ? reaction
            : [readTimeout, new errors.OperationTimedOutError('no answer', `node ${node}`)];
        const timer = setTimeout(
          () => (answer === 'ok' ? callback(null, { rows: [], info: {} }) : callback(answer)),
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
  const result = new RequestHandler({ query }, executionOptions, client).send();
  const answer = result.then(
    ({ info }) => ({ by: info.queriedHost, after: Date.now() - begun }),
    (error: unknown) => ({ error, after: Date.now() - begun }),
  );
  return { result, answer, sent };
}

/** One transaction over nodes with these reactions. */
function transaction(...nodes: readonly NodeBehavior[]) {
  const writes = new WriteAttempts(NOOP_TELEMETRY);
  const retry: policies.retry.RetryPolicy = new TransactionRetry(writes, NOOP_TELEMETRY);
  return { ...execute(TRANSACTION, { retry }, nodes), writes };
}

/** One read of a session over nodes with these reactions. */
function read(...nodes: readonly NodeBehavior[]) {
  const client = {
    execute: (query: string, _params: unknown, options: QueryOptions) =>
      execute(query, options, nodes).result,
  } as unknown as Client;
  const session = makeSession(client, () => true, sessionOptions(OPTIONS));
  const begun = Date.now();
  return session.read('SELECT content FROM messages_by_conversation WHERE conversation_id = ?', []).then(
    () => ({ failure: null, after: Date.now() - begun }),
    (failure: unknown) => ({ failure, after: Date.now() - begun }),
  );
}

/** Cassandra's error for a coordinator that lost to a concurrent one. */
const CONTENTION_ERROR = new errors.ResponseError(
  types.responseErrorCodes.writeTimeout,
  '0 acknowledged, 2 required',
);

describe('a transaction over three nodes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is answered by the second node if the first hangs', async () => {
    const { answer, sent } = transaction(null, [40, 'ok'], [40, 'ok']);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ by: 'node 1', after: 340 });
    expect(sent).toEqual([
      { node: 0, at: 0 },
      { node: 1, at: 300 },
    ]);
  });

  it('is answered by the third node if the first hangs and the second is slow', async () => {
    const { answer } = transaction(null, [1_400, 'ok'], [40, 'ok']);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ by: 'node 2', after: 940 });
  });

  it('waits for the coordinator that won against the first, and does not compete with it', async () => {
    // As on a busy cluster with a node that hangs: each claim takes longer than the delay.
    const { answer, sent, writes } = transaction([350, CONTENTION_ERROR], [500, 'ok'], null);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ by: 'node 1', after: 800 });
    expect(sent.map(({ node }) => node)).toEqual([0, 1, 2]);
    expect(writes.mayHaveApplied).toBe(true);
  });

  it('ends with the last attempt, not with the first failure', async () => {
    const { answer } = transaction([350, CONTENTION_ERROR], [100, CONTENTION_ERROR], [900, 'ok']);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ by: 'node 2', after: 1_250 });
  });

  it('fails with all errors when no attempt is in progress', async () => {
    const { answer } = transaction([10, CONTENTION_ERROR], [10, CONTENTION_ERROR], [10, CONTENTION_ERROR]);
    await vi.runAllTimersAsync();
    const { error } = (await answer) as { error: unknown };
    expect(error).toBeInstanceOf(errors.NoHostAvailableError);
    expect(Object.keys((error as errors.NoHostAvailableError).innerErrors)).toHaveLength(3);
  });
});

describe('a read over three nodes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const DIED = Object.assign(new Error('Socket was closed'), { isSocketError: true });

  it('is answered by the second node if the first hangs', async () => {
    const answer = read(null, [40, 'ok'], [40, 'ok']);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ failure: null, after: 240 });
  });

  it('waits for coordinators that wait for a dead replica', async () => {
    // Cassandra's own delay before it reads from another replica, while it has no latencies of the table.
    const answer = read([2_500, 'ok'], [150, DIED], [2_500, 'ok']);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual({ failure: null, after: 2_500 });
  });

  it('fails before the request timeout if no coordinator answers', async () => {
    const answer = read(null, null, null);
    await vi.runAllTimersAsync();
    const { failure, after } = await answer;
    expect(failure).toMatchObject({ kind: 'unavailable' });
    expect(after).toBeLessThan(OPTIONS.requestTimeoutMs);
  });
});
