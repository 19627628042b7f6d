import { expect, test } from 'vitest';
import { replicationAdvice, settingsByNode } from '../../src/adapters/cassandra/node-settings.ts';
import { openCassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { guardedLog } from '../support/log-leak-guard.ts';
import { freshKeyspace, openClient } from './cluster.ts';

test('each node reports its settings', async () => {
  const client = await openClient(await freshKeyspace());
  const settings = await settingsByNode(client);
  expect([...settings.keys()]).toEqual(client.hosts.values().map(({ address }) => address));
  for (const node of settings.values()) {
    expect(node.get('commitlog_sync')).toMatch(/^(batch|group|periodic)$/);
    expect(node.get('paxos_variant')).toMatch(/^v[12]/);
    expect(node.has('column_index_size')).toBe(true);
  }
});

test('a node without a response is omitted', async () => {
  const client = await openClient(await freshKeyspace());
  await client.shutdown();
  await expect(settingsByNode(client)).resolves.toEqual(new Map());
});

test('the service warns of fewer replicas than three in its datacenter when it starts', async () => {
  const options = await freshKeyspace();
  const warnings: object[] = [];
  const log = {
    ...guardedLog,
    info: () => undefined,
    warn: (fields: object) => void warnings.push(fields),
  };
  const clock = makeClock();
  const storage = openCassandraStorage({ options, clock, messageIds: makeMessageIds({ clock }), log });
  await storage.started;
  await expect
    .poll(() => warnings)
    .toContainEqual({ keyspace: options.keyspace, datacenter: options.localDatacenter, replicas: 1 });
  await storage.close();
});

test('three replicas are enough in the local datacenter', async () => {
  const options = await freshKeyspace();
  const client = await openClient(options);
  const replicate = (replication: string) =>
    client.execute(`ALTER KEYSPACE ${options.keyspace} WITH replication = ${replication}`, [], {
      prepare: false,
    });
  await replicate(`{'class': 'NetworkTopologyStrategy', '${options.localDatacenter}': 3}`);
  expect(await replicationAdvice(client, options)).toBeNull();
  expect(await replicationAdvice(client, { ...options, localDatacenter: 'elsewhere' })).toMatchObject({
    replicas: 0,
  });
  await replicate(`{'class': 'SimpleStrategy', 'replication_factor': 2}`);
  expect(await replicationAdvice(client, options)).toMatchObject({
    replicas: 2,
    advice: expect.stringContaining('replication factor') as string,
  });
});
