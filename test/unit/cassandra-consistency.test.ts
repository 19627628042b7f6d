import { expect, test } from 'vitest';
import {
  overlap,
  READ_CONSISTENCIES,
  WRITE_CONSISTENCIES,
  type ConsistencyName,
} from '../../src/adapters/cassandra/consistency.ts';

/** Replicas as bits: `here` in this datacenter and `there` in the other. */
interface Cluster {
  readonly here: number;
  readonly there: number;
}

const clusters: Cluster[] = [];
for (let here = 1; here <= 5; here += 1) {
  for (let there = 0; there <= 3; there += 1) clusters.push({ here, there });
}

function count(bits: number): number {
  return bits === 0 ? 0 : (bits & 1) + count(bits >> 1);
}

function majority(of: number): number {
  return Math.floor(of / 2) + 1;
}

/** Whether responses of the replicas in `set` satisfy `consistency`, as defined in Cassandra's manual. */
function satisfies(consistency: ConsistencyName, set: number, { here, there }: Cluster): boolean {
  const fromHere = count(set & ((1 << here) - 1));
  const fromThere = count(set >> here);
  const from = fromHere + fromThere;
  switch (consistency) {
    case 'ANY':
      return true;
    case 'ONE':
      return from >= 1;
    case 'TWO':
      return from >= 2;
    case 'THREE':
      return from >= 3;
    case 'QUORUM':
      return from >= majority(here + there);
    case 'ALL':
      return from === here + there;
    case 'LOCAL_QUORUM':
      return fromHere >= majority(here);
    case 'EACH_QUORUM':
      return fromHere >= majority(here) && (there === 0 || fromThere >= majority(there));
    case 'LOCAL_ONE':
      return fromHere >= 1;
  }
}

function canMiss(read: ConsistencyName, write: ConsistencyName): boolean {
  return clusters.some((cluster) => {
    const all = (1 << (cluster.here + cluster.there)) - 1;
    for (let written = 0; written <= all; written += 1) {
      // The replicas without the write are the largest set from which a read can miss it.
      if (satisfies(write, written, cluster) && satisfies(read, all & ~written, cluster)) return true;
    }
    return false;
  });
}

test.each(READ_CONSISTENCIES.flatMap((read) => WRITE_CONSISTENCIES.map((write) => ({ read, write }))))(
  'a read at $read overlaps a write at $write exactly if it cannot miss the write on any cluster of up to eight replicas',
  ({ read, write }) => {
    expect(overlap(read, write)).toBe(!canMiss(read, write));
  },
);

test('common pairs', () => {
  expect(overlap('LOCAL_QUORUM', 'LOCAL_QUORUM')).toBe(true);
  expect(overlap('ONE', 'ALL')).toBe(true);
  expect(overlap('ONE', 'ONE')).toBe(false);
  expect(overlap('LOCAL_ONE', 'LOCAL_QUORUM')).toBe(false);
  // A quorum of four of six may be three replicas elsewhere and one here; a local quorum may be the other two here.
  expect(overlap('LOCAL_QUORUM', 'QUORUM')).toBe(false);
});

test('no read uses ANY', () => {
  expect(READ_CONSISTENCIES).not.toContain('ANY');
});
