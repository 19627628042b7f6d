import type { Client } from 'cassandra-driver';
import { expect, test } from 'vitest';
import { SCHEMA_VERSION } from '../../src/adapters/cassandra/storage.ts';
import { unhandledRejections } from '../support/unhandled-rejections.ts';
import { freshKeyspace, openClient } from './cluster.ts';

/** Internals of the driver's control connection, which its types omit. */
interface Watch {
  connection: { emit(event: 'socketClose'): void } | null;
  _refresh(): Promise<void>;
  _borrowAConnection(plan: unknown): unknown;
  _registerToConnectionEvents(): Promise<void>;
}

/** Lets `client` find no node, reconnect, and lose the new connection just before it is ready; resolves when it is back. */
async function loseTheClusterTwice(client: Client): Promise<void> {
  const watch = (client as unknown as { controlConnection: Watch }).controlConnection;
  const borrow = watch._borrowAConnection.bind(watch);
  const register = watch._registerToConnectionEvents.bind(watch);
  let borrowed = 0;
  let registered = 0;
  const back = new Promise<void>((resolve) => {
    watch._borrowAConnection = (plan) => {
      if ((borrowed += 1) === 1) throw new Error('No node is up.');
      return borrow(plan);
    };
    watch._registerToConnectionEvents = async () => {
      await register();
      registered += 1;
      // At the first time the connection is new, at the second its events are handled, at the third it is the next connection.
      if (registered === 2) watch.connection?.emit('socketClose');
      if (registered === 3) setImmediate(resolve);
    };
  });
  // By a timer, like the driver: nobody holds the promise.
  setTimeout(() => void watch._refresh(), 0);
  await back;
}

test('a connection lost during a reconnect does not end the process', async () => {
  const client = await openClient(await freshKeyspace());
  const reasons = unhandledRejections();
  await loseTheClusterTwice(client);
  await expect(client.execute('SELECT scope FROM schema_migrations')).resolves.toMatchObject({
    rowLength: SCHEMA_VERSION,
  });
  expect(reasons).toEqual([]);
});
