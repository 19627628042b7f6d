import type { Bindings, Fetcher } from './platform.ts';

/** Each holds one client of Cassandra. They keep nothing, so another number is only another load on each. */
const OBJECTS = 4;

/**
 * The object that is to serve a request. What is kept in memory is in one object. On Cassandra it may be any, as
 * with any number of processes over one store: every promise holds between them. So chance decides, which spreads
 * evenly; by user or by conversation, the busiest of them would have to make do with one object.
 */
export function durableObjectFor(bindings: Bindings, random: () => number = Math.random): Fetcher {
  const { MESSENGER } = bindings;
  const name = bindings['STORAGE'] === 'cassandra' ? `cassandra-${Math.floor(random() * OBJECTS)}` : 'memory';
  return MESSENGER.get(MESSENGER.idFromName(name));
}
