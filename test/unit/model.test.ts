import { AssertionError } from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryStorage, timelessClock } from '../support/memory-storage.ts';
import type { MemoryEventRepository } from '../../src/adapters/memory/event-repository.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import { wrapStorage, type Storage } from '../../src/application/ports/storage.ts';
import { conversationRepositoryMutants as conversations } from '../contracts/conversation-repository.mutants.ts';
import { messageRepositoryMutants as messages } from '../contracts/message-repository.mutants.ts';
import { userRepositoryMutants as users } from '../contracts/user-repository.mutants.ts';
import { lateSends, sendAndCheck } from '../support/at-rest.ts';
import { playToBoth, scripts } from '../support/scripts.ts';
import { notifierOf, USE_CASE_NAMES, wrapUseCases } from '../../src/application/use-cases.ts';

test('memory storage responds to any sequence of commands like the model', async () => {
  await fc.assert(
    fc.asyncProperty(scripts(60), async (script) => {
      const storage = memoryStorage({ clock: timelessClock() });
      await playToBoth([storage, storage], script);
    }),
    { numRuns: 200 },
  );
});

test('memory storage is consistent at rest, after any late messages and repeats', async () => {
  await fc.assert(
    fc.asyncProperty(lateSends, async (sends) => {
      const storage = memoryStorage();
      await sendAndCheck([storage, storage], sends);
    }),
    { numRuns: 100 },
  );
});

/** The use cases in the model. The model of `listEvents` is `following-model.ts`. */
const MODELLED = USE_CASE_NAMES.filter((name) => name !== 'listEvents');

/** The use case that everyone may call with any arguments. */
const PUBLIC = 'getUser';

test('random sequences contain a command for each use case', async () => {
  const storage = memoryStorage({ clock: timelessClock() });
  const asked = new Set<string>();
  const script = fc.sample(scripts(60), { seed: 1, numRuns: 20 }).flat();
  await playToBoth([storage, storage], script, (useCases) => {
    return wrapUseCases(useCases, (useCase, name) => (request) => {
      asked.add(name);
      return useCase(request);
    });
  });
  const missing = MODELLED.filter((name) => !asked.has(name));
  expect(missing, 'no step of test/support/scripts.ts calls these use cases').toEqual([]);
});

test.each(MODELLED.filter((name) => name !== PUBLIC))(
  'the model catches a messenger in which every user calls %s as a service',
  async (mutated) => {
    const property = fc.asyncProperty(scripts(60), async (script) => {
      const storage = memoryStorage({ clock: timelessClock() });
      await playToBoth([storage, storage], script, (useCases) =>
        wrapUseCases(
          useCases,
          (useCase, name) => (request) =>
            useCase(name === mutated ? ({ ...(request as object), caller: SERVICE } as never) : request),
        ),
      );
    });
    const { errorInstance } = await fc.check(property, { numRuns: 500, endOnFailure: true });
    expect(errorInstance, 'the model has no access rule for it').toBeInstanceOf(AssertionError);
  },
);

test('a use case notifies every user to whose event log it has added an event', async () => {
  const storage = memoryStorage({ clock: timelessClock() });
  const events = storage.events as unknown as Pick<MemoryEventRepository, 'add'>;
  /** The users whose logs the running use case has added to. */
  const running = new AsyncLocalStorage<Set<UserId>>();
  const add = events.add.bind(events);
  events.add = (event, users) => {
    for (const user of users) running.getStore()?.add(user);
    add(event, users);
  };
  const forgotten = new Set<string>();
  const script = fc.sample(scripts(60), { seed: 1, numRuns: 20 }).flat();
  await playToBoth([storage, storage], script, (useCases) =>
    wrapUseCases(useCases, (useCase, name) => async (request) => {
      const added = new Set<UserId>();
      const result = await running.run(added, () => useCase(request));
      const notified = notifierOf(name)?.(result) ?? [];
      if ([...added].some((user) => !notified.includes(user))) forgotten.add(name);
      return result;
    }),
  );
  expect([...forgotten], '`notifies` in src/application/use-cases.ts leaves users out').toEqual([]);
});

/** The outcomes of a write: lost, or applied with a lost response. */
type WriteOutcome = 'answered' | 'lost' | 'unanswered';

/** The names of methods that only read. They do not fail here, since a page takes many of them. */
const READ = /\.(find|list|count|is|completeSince)/;

function failing(storage: Storage, outcomes: Iterator<WriteOutcome>): Storage {
  return wrapStorage(storage, (method, name) => {
    if (READ.test(name)) return method;
    return async (...given) => {
      const { value: outcome } = outcomes.next();
      if (outcome === 'lost') throw new StorageFailure('unavailable');
      const result = await method(...given);
      if (outcome === 'unanswered') throw new StorageFailure('outcome_unknown');
      return result;
    };
  });
}

test('the same for a storage that sometimes fails, if the client repeats the command', async () => {
  const outcomes = fc.infiniteStream(
    fc.constantFrom<WriteOutcome>('answered', 'answered', 'lost', 'unanswered'),
  );
  await fc.assert(
    fc.asyncProperty(scripts(60), outcomes, async (script, outcomes) => {
      const storage = failing(memoryStorage({ clock: timelessClock() }), outcomes);
      await playToBoth([storage, storage], script);
    }),
    { numRuns: 100 },
  );
});

describe('the model catches a storage that', () => {
  const caught = [
    ...messages[
      'pages of any size together are the whole conversation, even if messages share a millisecond or a microsecond'
    ],
    ...messages['a key repeated with a much later id is the same message, at its old position'],
    ...conversations[
      'the creation time of a conversation is that of its earliest start or message, in any order of arrival'
    ],
    ...conversations['an inbox has one row per conversation, newest message first, in any order of arrival'],
    ...conversations[
      'of two messages in one microsecond, the one with the larger id is shown, without mixed cells'
    ],
    ...users['a saved user is found by every process, with the username byte for byte'],
  ];
  for (const { how, makeSubject } of caught) {
    test(how, async () => {
      const property = fc.asyncProperty(scripts(60), (script) => playToBoth(makeSubject().processes, script));
      const { errorInstance } = await fc.check(property, { numRuns: 500, endOnFailure: true });
      expect(errorInstance).toBeInstanceOf(AssertionError);
    });
  }
});
