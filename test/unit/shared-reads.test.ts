import { expect, test } from 'vitest';
import { SharedReads } from '../../src/adapters/cassandra/shared-reads.ts';

/** Reads that end when the test says so. */
function open(maxRunning: number) {
  const begun: { readonly name: string; readonly end: (error?: Error) => void }[] = [];
  const reads = new SharedReads<string, string>({ maxRunning });
  const run = (key: string, name = key): Promise<string> =>
    reads.run(
      key,
      () =>
        new Promise((resolve, reject) => {
          const end = (error?: Error): void => (error === undefined ? resolve(name) : reject(error));
          begun.push({ name, end });
        }),
    );
  return { run, begun, names: () => begun.map(({ name }) => name) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('reads beyond the limit begin in the order of their calls', async () => {
  const { run, begun, names } = open(2);
  const all = ['a', 'b', 'c', 'd'].map((key) => run(key));
  expect(names()).toEqual(['a', 'b']);
  begun[1]?.end();
  await turn();
  expect(names()).toEqual(['a', 'b', 'c']);
  begun[0]?.end();
  await turn();
  begun.slice(2).forEach(({ end }) => {
    end();
  });
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
});

test('calls with the same key share a read that waits, and not one that has begun', async () => {
  const { run, begun, names } = open(1);
  const all = [run('a', 'first'), run('a', 'second'), run('a', 'third')];
  begun[0]?.end();
  await turn();
  expect(names()).toEqual(['first', 'second']);
  const later = run('a', 'fourth');
  begun[1]?.end();
  await turn();
  begun[2]?.end();
  expect(await Promise.all([...all, later])).toEqual(['first', 'second', 'second', 'fourth']);
});

test('reads that fail make room for others', async () => {
  const { run, begun } = open(2);
  const failing = Array.from({ length: 10 }, (_, index) => run(String(index)));
  const results = Promise.allSettled(failing);
  for (let index = 0; index < 10; index += 1) {
    begun[index]?.end(new Error('failed'));
    await turn();
  }
  expect((await results).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 'rejected'));
  const works = run('works');
  begun[10]?.end();
  expect(await works).toBe('works');
});
