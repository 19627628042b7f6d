import type { Client } from 'cassandra-driver';
import { expect, onTestFinished, test } from 'vitest';
import { SCHEMA_VERSION } from '../../src/adapters/cassandra/schema.ts';
import { freshKeyspace, openClient } from './cluster.ts';

/** What a driver's connection for news of the cluster has inside, of which its types tell nothing. */
interface Watch {
  connection: { emit(event: 'socketClose'): void } | null;
  _refresh(): Promise<void>;
  _borrowAConnection(plan: unknown): unknown;
  _registerToConnectionEvents(): Promise<void>;
}

/** Unhandled rejections from now until the test has finished, which vitest would otherwise fail the run for. */
function unhandled(): unknown[] {
  const reasons: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  const hear = (reason: unknown): void => void reasons.push(reason);
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', hear);
  onTestFinished(() => {
    process.off('unhandledRejection', hear);
    for (const other of others) process.on('unhandledRejection', other);
  });
  return reasons;
}

/** Lets `client` find nobody, come back, and lose the new connection just before it is done; resolves when it is back. */
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
      // At the first time the connection is new, at the second it is heeded, at the third it is the one after it.
      if (registered === 2) watch.connection?.emit('socketClose');
      if (registered === 3) setImmediate(resolve);
    };
  });
  // By a timer, as the driver does it: nobody has the promise.
  setTimeout(() => void watch._refresh(), 0);
  await back;
}

test('a connection that is lost while it is being made again does not end the process', async () => {
  const client = await openClient(await freshKeyspace());
  const reasons = unhandled();
  await loseTheClusterTwice(client);
  await expect(client.execute('SELECT scope FROM schema_migrations')).resolves.toMatchObject({
    rowLength: SCHEMA_VERSION,
  });
  expect(reasons).toEqual([]);
});
