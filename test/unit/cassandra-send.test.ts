import { expect, test } from 'vitest';
import { BackgroundRetry } from '../../src/adapters/cassandra/background-retry.ts';
import { CassandraMessageRepository } from '../../src/adapters/cassandra/message-repository.ts';
import { nameOf, type Row, type Session, type Statement } from '../../src/adapters/cassandra/session.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { positionAt } from '../../src/domain/time.ts';
import { freshKey, freshUsers, idAt, now, appendRequest } from '../contracts/fixtures.ts';
import { timelessClock } from '../support/memory-storage.ts';

/** The statements of a process by step: the statements of a step run in parallel. */
function aProcess() {
  const steps: string[][] = [];
  const hinted: UserId[][] = [];
  const failing = { count: 0 };
  let isStepOpen = false;
  const send = async (name: string): Promise<void> => {
    if (failing.count > 0) {
      failing.count -= 1;
      throw new StorageFailure('outcome_unknown');
    }
    if (!isStepOpen) steps.push([]);
    isStepOpen = true;
    steps.at(-1)?.push(name);
    await new Promise(setImmediate);
    isStepOpen = false;
  };
  const session = {
    read: () => Promise.resolve([]),
    writes: () => ({
      run: (query: string) => send(nameOf(query)),
      batch: (statements: readonly Statement[]) => send(namesOf(statements)),
      batches: (parts: readonly (readonly Statement[])[]) => send(parts.map(namesOf).join(', ')),
      all: (parallel: readonly Promise<void>[]) => Promise.all(parallel).then(() => undefined),
      compareAndSet: async (query: string) => {
        await send(`${nameOf(query)} IF`);
        return { '[applied]': true } as unknown as Row;
      },
    }),
  } as unknown as Session;
  const clock = timelessClock();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const retry = new BackgroundRetry({ log, withinLimit: (work) => work() });
  const messages = new CassandraMessageRepository({
    session,
    clock,
    messageIds: makeMessageIds({ clock }),
    retry,
    limits: { requestTimeout: 5_000_000, maxClockSkew: 2_000_000 },
    hints: { publish: (userIds) => void hinted.push([...userIds]) },
    eventLog: { daysToKeep: 30, start: () => positionAt(0) },
    keyRetentionDays: 30,
  });
  return { messages, steps, hinted, failing, retry };
}

function namesOf(statements: readonly Statement[]): string {
  return statements.map(({ query }) => nameOf(query).replace('INSERT ', '')).join(' + ');
}

test.each([1, 20, 100])(
  'a send takes three requests in two steps, with random routing over %i processes',
  async (count) => {
    const users = freshUsers();
    const processes = Array.from({ length: count }, aProcess);
    for (let sends = 0; sends < 200; sends += 1) {
      const { messages, steps } = processes[Math.floor(Math.random() * count)]!;
      steps.length = 0;
      await messages.append({ ...appendRequest(users, idAt(now())), isLive: true });
      expect(steps).toEqual([
        ['INSERT messages_by_conversation', 'buckets_by_conversation + conversations'],
        ['conversations_by_user + events_by_user, conversations_by_user + events_by_user'],
      ]);
    }
  },
);

test('a key adds a claim before them, and a marker after them that is not awaited', async () => {
  const { messages, steps } = aProcess();
  await messages.append({ ...appendRequest(freshUsers(), idAt(now()), 'Hello', freshKey()), isLive: true });
  expect(steps.map((step) => step.length)).toEqual([1, 2, 1, 1]);
  expect(steps[0]).toEqual(['INSERT messages_by_idempotency_key IF']);
  expect(steps[3]).toEqual(['INSERT messages_by_conversation']);
});

test('a send that completes in the background publishes its hint then; otherwise the caller publishes it', async () => {
  const { messages, hinted, failing, retry } = aProcess();
  const sent = { ...appendRequest(freshUsers(), idAt(now())), isLive: true };
  await messages.append(sent);
  expect(hinted).toEqual([]);
  failing.count = 1;
  await expect(messages.append(sent)).rejects.toMatchObject({ kind: 'outcome_unknown' });
  await retry.close();
  expect(hinted).toEqual([sent.participants]);
});
