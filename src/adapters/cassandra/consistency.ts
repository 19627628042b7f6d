/** The consistency levels of writes. */
export const WRITE_CONSISTENCIES = [
  'ANY',
  'ONE',
  'TWO',
  'THREE',
  'QUORUM',
  'ALL',
  'LOCAL_QUORUM',
  'EACH_QUORUM',
  'LOCAL_ONE',
] as const;

/** A consistency level: how many replicas have to respond, and in which datacenters. */
export type ConsistencyName = (typeof WRITE_CONSISTENCIES)[number];

/** The consistency levels of reads: all but ANY, which a stored hint satisfies. */
export const READ_CONSISTENCIES = WRITE_CONSISTENCIES.filter((name) => name !== 'ANY');

/** The sets of replicas of which a consistency level needs a majority; two majorities of one set share a replica. */
const MAJORITIES: Readonly<Record<ConsistencyName, readonly ('of this datacenter' | 'of all')[]>> = {
  ANY: [],
  ONE: [],
  LOCAL_ONE: [],
  // Two or three are a majority only if there are few replicas.
  TWO: [],
  THREE: [],
  LOCAL_QUORUM: ['of this datacenter'],
  QUORUM: ['of all'],
  // A majority in each datacenter is one of all, too.
  EACH_QUORUM: ['of this datacenter', 'of all'],
  ALL: ['of this datacenter', 'of all'],
};

/**
 * Whether every read at `read` includes a replica of every write at `write` that was acknowledged in the same
 * datacenter, for any replication factor and any number of datacenters.
 */
export function overlap(read: ConsistencyName, write: ConsistencyName): boolean {
  if (read === 'ANY' || write === 'ANY') return false;
  if (read === 'ALL' || write === 'ALL') return true;
  return MAJORITIES[read].some((majority) => MAJORITIES[write].includes(majority));
}
