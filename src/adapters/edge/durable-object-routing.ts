import type { Bindings, Fetcher } from './platform.ts';

/** The number of objects on Cassandra. Each has one Cassandra client and no state, so it only affects the load. */
const OBJECTS = 4;

/**
 * The object that handles a request. With storage in memory there is one object. With Cassandra any object can handle
 * any request, like several processes on one cluster, so the object is chosen at random, which spreads the load evenly.
 * Routing by user or by conversation would limit the busiest of them to one object.
 */
export function durableObjectFor(bindings: Bindings, random: () => number = Math.random): Fetcher {
  const { MESSENGER } = bindings;
  const name = bindings['STORAGE'] === 'cassandra' ? `cassandra-${Math.floor(random() * OBJECTS)}` : 'memory';
  return MESSENGER.get(MESSENGER.idFromName(name));
}
