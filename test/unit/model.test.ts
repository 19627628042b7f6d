import { AssertionError } from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryStorage, timelessClock } from '../support/memory-storage.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import { wrapStorage, type Storage } from '../../src/application/ports/storage.ts';
import { conversationRepositoryMutants as conversations } from '../contracts/conversation-repository.mutants.ts';
import { messageRepositoryMutants as messages } from '../contracts/message-repository.mutants.ts';
import { userRepositoryMutants as users } from '../contracts/user-repository.mutants.ts';
import { lateSends, sendAndCheck } from '../support/at-rest.ts';
import { playToBoth, scripts } from '../support/scripts.ts';
import { USE_CASE_NAMES, wrapUseCases } from '../../src/application/use-cases.ts';

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
  // The model of events is `following-model.ts`.
  expect([...asked, 'listEvents'].sort()).toEqual(USE_CASE_NAMES.toSorted());
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
