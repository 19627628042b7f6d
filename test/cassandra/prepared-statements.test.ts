import { expect, test } from 'vitest';
import { makeClient } from '../../src/adapters/cassandra/connect.ts';
import { declaredStatements } from '../../src/adapters/cassandra/prepared-statements.ts';
import { freshKeyspace, openStorage } from './cluster.ts';

/** Internals of the driver's metadata, which its types omit. */
interface Metadata {
  getPreparedInfo(keyspace: string, query: string): { readonly queryId?: unknown };
}

test('every statement is prepared before the first request', async () => {
  const options = await freshKeyspace();
  const client = makeClient(options);
  const storage = await openStorage(options, client);
  const metadata = client.metadata as unknown as Metadata;
  const missing = [...declaredStatements()].filter(
    (query) => metadata.getPreparedInfo(options.keyspace, query).queryId === undefined,
  );
  await storage.close();
  expect(declaredStatements().size).toBeGreaterThan(20);
  expect(missing).toEqual([]);
});
