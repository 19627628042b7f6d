import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import type { CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { timelessClock } from '../support/memory-storage.ts';
import { lateSends, sendAndCheck } from '../support/at-rest.ts';
import { playToBoth, scripts } from '../support/scripts.ts';
import { freshKeyspace, openStorage } from './cluster.ts';
import { FaultyClient, type WriteOutcome } from './faulty-client.ts';

let options: CassandraOptions;

beforeAll(async () => {
  options = await freshKeyspace();
});

const opened: CassandraStorage[] = [];
afterAll(async () => {
  await Promise.all(opened.map((storage) => storage.close()));
});

test('Cassandra storage responds to any sequence of commands like the model, through two processes', async () => {
  const hosts = [
    await openStorage(options, undefined, timelessClock()),
    await openStorage(options, undefined, timelessClock()),
  ] as const;
  opened.push(...hosts);
  await fc.assert(
    fc.asyncProperty(scripts(40), (script) => playToBoth(hosts, script)),
    { numRuns: 40 },
  );
});

test('the same with lost responses and lost, delayed, reordered and repeated writes, if the client repeats the command', async () => {
  let outcomes: Iterator<WriteOutcome> = [][Symbol.iterator]();
  const drawn: Iterator<WriteOutcome> = { next: () => outcomes.next() };
  // One loses single mutations of a batch, the other one whole batches.
  const whole = { splitsBatches: false };
  const clients = [new FaultyClient(options, drawn), new FaultyClient(options, drawn, whole)] as const;
  const hosts = [
    await openStorage(options, clients[0], timelessClock()),
    await openStorage(options, clients[1], timelessClock()),
  ] as const;
  opened.push(...hosts);
  const outcome = fc.constantFrom<WriteOutcome>(
    'answered',
    'answered',
    'answered',
    'lost',
    'unanswered',
    'delayed',
    'repeated',
  );
  await fc.assert(
    fc.asyncProperty(scripts(30), fc.infiniteStream(outcome), async (script, stream) => {
      outcomes = stream;
      await playToBoth(hosts, script);
    }),
    { numRuns: 25 },
  );
  expect(clients[0].faultCount + clients[1].faultCount).toBeGreaterThan(100);
});

test('histories, inboxes and event logs are consistent at rest, after any late, lost, delayed and repeated writes', async () => {
  let outcomes: Iterator<WriteOutcome> = [][Symbol.iterator]();
  const drawn: Iterator<WriteOutcome> = { next: () => outcomes.next() };
  // One loses single mutations of a batch, the other one whole batches.
  const whole = { splitsBatches: false };
  const clients = [new FaultyClient(options, drawn), new FaultyClient(options, drawn, whole)] as const;
  const hosts = [await openStorage(options, clients[0]), await openStorage(options, clients[1])] as const;
  opened.push(...hosts);
  const outcome = fc.constantFrom<WriteOutcome>(
    'answered',
    'answered',
    'answered',
    'lost',
    'unanswered',
    'delayed',
    'repeated',
  );
  await fc.assert(
    fc.asyncProperty(lateSends, fc.infiniteStream(outcome), async (sends, stream) => {
      outcomes = stream;
      await sendAndCheck(hosts, sends);
    }),
    { numRuns: 20 },
  );
  expect(clients[0].faultCount + clients[1].faultCount).toBeGreaterThan(100);
});
