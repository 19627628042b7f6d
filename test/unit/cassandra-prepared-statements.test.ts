import { errors, types, type Client } from 'cassandra-driver';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { prepareStatements } from '../../src/adapters/cassandra/prepared-statements.ts';

const QUERIES = ['SELECT a FROM b', 'SELECT c FROM d'];
const ATTEMPT_MS = 1_500;

/** A client of nodes that prepare statements or hang, in the order in which the driver tries them. */
function clientOf(...nodes: readonly ('answers' | 'hangs')[]) {
  const infos = new Map<string, { queryId?: string; emit(): void }>();
  const asked: string[] = [];
  const hosts = nodes.map((state, node) => ({
    address: `node ${node}`,
    isUp: () => true,
    borrowConnection: () => ({
      keyspace: 'messenger',
      async prepareOnceAsync(query: string) {
        asked.push(`${query} at node ${node}`);
        if (state === 'answers') return { id: `id of ${query}`, meta: {} };
        await new Promise((resolve) => setTimeout(resolve, ATTEMPT_MS));
        throw new errors.OperationTimedOutError('no answer', `node ${node}`);
      },
    }),
  }));
  const loadBalancing = {
    newQueryPlan: (_keyspace: string, _options: null, callback: (error: null, plan: object) => void) =>
      callback(null, hosts.values()),
  };
  const client = {
    keyspace: 'messenger',
    options: { policies: { loadBalancing }, prepareOnAllHosts: false, logEmitter: () => undefined },
    profileManager: { getDistance: () => types.distance.local },
    metadata: {
      getPreparedInfo(_keyspace: string, query: string) {
        const info = infos.get(query) ?? { emit: () => undefined };
        infos.set(query, info);
        return info;
      },
      setPreparedById: () => undefined,
    },
  } as unknown as Client;
  return { client, asked, idsOf: () => QUERIES.map((query) => infos.get(query)?.queryId) };
}

describe('statements', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are prepared in parallel, each on the first node that answers', async () => {
    const { client, asked, idsOf } = clientOf('hangs', 'answers', 'answers');
    const done = prepareStatements(client, QUERIES);
    await vi.advanceTimersByTimeAsync(ATTEMPT_MS);
    await done;
    expect(idsOf()).toEqual(QUERIES.map((query) => `id of ${query}`));
    expect(asked).toEqual([0, 1].flatMap((node) => QUERIES.map((query) => `${query} at node ${node}`)));
  });

  it('fail to prepare if no node answers', async () => {
    const { client } = clientOf('hangs', 'hangs');
    const done = expect(prepareStatements(client, QUERIES)).rejects.toThrow(errors.NoHostAvailableError);
    await vi.advanceTimersByTimeAsync(2 * ATTEMPT_MS);
    await done;
  });
});
