import type { Client, ExecutionOptions, Host } from 'cassandra-driver';
import { expect, it } from 'vitest';
import { clientOptions, LeastBusyFirst } from '../../src/adapters/cassandra/connect.ts';

/** Three nodes, each with its number of requests in progress. */
function orderOf(underWay: Readonly<Record<string, number>>, routingKey: Buffer | null): string[] {
  const hosts = Object.keys(underWay).map((address) => ({
    address,
    datacenter: 'datacenter1',
    isUp: () => true,
    isUpSince: null,
    getInFlight: () => 0,
  })) as unknown as Host[];
  const client = {
    options: { localDataCenter: 'datacenter1' },
    getState: () => ({ getInFlightQueries: ({ address }: Host) => underWay[address] }),
    getReplicas: () => hosts.slice(0, 1),
    log: () => undefined,
  } as unknown as Client;
  const policy = new LeastBusyFirst();
  policy.init(
    client,
    Object.assign(new Map(), { values: () => hosts, on: () => undefined }),
    () => undefined,
  );
  const options = {
    getRoutingKey: () => routingKey,
    getKeyspace: () => 'messenger',
    getPreferredHost: () => null,
  } as unknown as ExecutionOptions;
  let order: string[] = [];
  // The driver gives no options when it prepares a statement.
  policy.newQueryPlan('messenger', routingKey === null ? (null as never) : options, (_error, plan) => {
    order = [...(plan as IterableIterator<Host>)].map(({ address }) => address);
  });
  return order;
}

it('prepares statements first on the node with the fewest requests in progress, so last on a hanging node', () => {
  for (let turn = 0; turn < 3; turn += 1) {
    expect(orderOf({ hangs: 12, idle: 0, busy: 4 }, null)).toEqual(['idle', 'busy', 'hangs']);
  }
});

it('does not change the order for a statement with a known partition', () => {
  expect(orderOf({ replica: 12, idle: 0 }, Buffer.from('a'))[0]).toBe('replica');
});

it('does not wait for all nodes to prepare a statement', () => {
  const options = clientOptions({
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
  });
  expect(options.prepareOnAllHosts).toBe(false);
});
