import { describe, expect, it } from 'vitest';
import { settingErrorsOf, replicasIn } from '../../src/adapters/cassandra/node-settings.ts';

const GOOD = new Map([
  ['commitlog_sync', 'batch'],
  ['paxos_variant', 'v2'],
  ['column_index_size', '4KiB'],
]);

describe('the settings of a node', () => {
  it('of the shipped nodes cause no warning', () => {
    expect(settingErrorsOf(GOOD)).toEqual([]);
  });

  it.each([
    ['commitlog_sync', 'periodic'],
    ['paxos_variant', 'v1'],
    ['column_index_size', null],
    ['column_index_size', '64KiB'],
  ])('cause a warning with %s: %s', (setting, value) => {
    const errors = settingErrorsOf(new Map<string, string | null>(GOOD).set(setting, value));
    expect(errors).toMatchObject([{ setting, value }]);
    expect(errors[0]!.advice).toContain(setting);
  });

  it('may lack a setting of later versions', () => {
    expect(settingErrorsOf(new Map([['commitlog_sync', 'group']]))).toEqual([]);
  });
});

describe('the replicas of a keyspace in a datacenter', () => {
  it.each<[Record<string, string>, number]>([
    [{ class: 'org.apache.cassandra.locator.NetworkTopologyStrategy', dc1: '3', dc2: '1' }, 3],
    [{ class: 'org.apache.cassandra.locator.NetworkTopologyStrategy', dc2: '3' }, 0],
    [{ class: 'org.apache.cassandra.locator.NetworkTopologyStrategy', dc1: '3/1' }, 2],
    [{ class: 'org.apache.cassandra.locator.SimpleStrategy', replication_factor: '2' }, 2],
    [{ class: 'org.apache.cassandra.locator.LocalStrategy' }, 0],
  ])('of %o are %i', (replication, replicas) => {
    expect(replicasIn(replication, 'dc1')).toBe(replicas);
  });
});
