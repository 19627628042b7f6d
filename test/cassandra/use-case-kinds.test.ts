import { AsyncLocalStorage } from 'node:async_hooks';
import { Client, type types } from 'cassandra-driver';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { clientOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { timelessClock } from '../support/memory-storage.ts';
import { playToBoth, scripts } from '../support/scripts.ts';
import { USE_CASE_NAMES, USE_CASES, wrapUseCases } from '../../src/application/use-cases.ts';
import { freshKeyspace, openStorage } from './cluster.ts';

/** The name of the use case that is running. */
const running = new AsyncLocalStorage<string>();

/** A client that records which use cases send a statement other than SELECT. */
class RecordingClient extends Client {
  readonly writers: Set<string>;

  constructor(options: CassandraOptions, writers: Set<string>) {
    super(clientOptions(options));
    this.writers = writers;
  }

  override execute(query: string, ...rest: unknown[]): Promise<types.ResultSet> {
    if (!/^\s*SELECT/.test(query)) this.#recordWrite();
    return super.execute(query, ...(rest as []));
  }

  override batch(...args: unknown[]): Promise<types.ResultSet> {
    this.#recordWrite();
    return super.batch(...(args as Parameters<Client['batch']>)) as never;
  }

  #recordWrite(): void {
    const name = running.getStore();
    if (name !== undefined) this.writers.add(name);
  }
}

test('exactly the use cases declared as commands send writes to Cassandra', async () => {
  const writers = new Set<string>();
  const options = await freshKeyspace();
  const storage = await openStorage(options, new RecordingClient(options, writers), timelessClock());
  onTestFinished(() => storage.close());

  const called = new Set<string>();
  const script = fc.sample(scripts(60), { seed: 1, numRuns: 10 }).flat();
  await playToBoth([storage, storage], script, (useCases) => {
    return wrapUseCases(useCases, (useCase, name) => (request) => {
      called.add(name);
      return running.run(name, () => useCase(request));
    });
  });

  // The model of events is `following-model.ts`.
  expect([...called, 'listEvents'].sort()).toEqual(USE_CASE_NAMES.toSorted());
  const wrong = USE_CASE_NAMES.filter((name) => (USE_CASES[name].kind === 'command') !== writers.has(name));
  expect(wrong, 'declared as a query but writes, or as a command but does not').toEqual([]);
});
