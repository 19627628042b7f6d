import { expect, test } from 'vitest';
import { settingsByNode } from '../../src/adapters/cassandra/node-settings.ts';
import { freshKeyspace, openClient } from './cluster.ts';

test('each node tells its settings', async () => {
  const client = await openClient(await freshKeyspace());
  const settings = await settingsByNode(client);
  expect([...settings.keys()]).toEqual(client.hosts.values().map(({ address }) => address));
  for (const node of settings.values()) {
    expect(node.get('commitlog_sync')).toMatch(/^(batch|group|periodic)$/);
    expect(node.get('paxos_variant')).toMatch(/^v[12]/);
    expect(node.has('column_index_size')).toBe(true);
  }
});

test('a node that does not tell is left out', async () => {
  const client = await openClient(await freshKeyspace());
  await client.shutdown();
  await expect(settingsByNode(client)).resolves.toEqual(new Map());
});
