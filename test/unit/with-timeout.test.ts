import { expect, test } from 'vitest';
import { withTimeout } from '../../src/adapters/system/with-timeout.ts';
import {
  USE_CASES,
  USE_CASE_NAMES,
  type UseCaseName,
  type UseCases,
} from '../../src/application/use-cases.ts';
import { Refusal } from '../../src/domain/refusal.ts';

/** Use cases that all do the same. */
function all(ask: (question: unknown) => Promise<unknown>): UseCases {
  return Object.fromEntries(USE_CASE_NAMES.map((name) => [name, ask])) as unknown as UseCases;
}

function ask(useCases: UseCases, name: UseCaseName, question: unknown): Promise<unknown> {
  return (useCases[name] as (question: unknown) => Promise<unknown>)(question);
}

const never = (): Promise<never> => new Promise(() => undefined);

test.each(USE_CASE_NAMES)('%s rejects in time, and says whether it may have been applied', async (name) => {
  await expect(ask(withTimeout(1, all(never)), name, {})).rejects.toMatchObject({
    name: 'StorageFailure',
    kind: USE_CASES[name].kind === 'command' ? 'outcome_unknown' : 'unavailable',
  });
});

test('a request that is answered in time passes unchanged', async () => {
  const question = {};
  const useCases = withTimeout(
    60_000,
    all((asked) => Promise.resolve(asked)),
  );
  for (const name of USE_CASE_NAMES) expect(await ask(useCases, name, question)).toBe(question);
});

test('a refusal in time passes unchanged', async () => {
  const refusal = new Refusal('user_not_found', 'There is no such user.');
  const useCases = withTimeout(
    60_000,
    all(() => Promise.reject(refusal)),
  );
  await expect(ask(useCases, 'getUser', {})).rejects.toBe(refusal);
});

test('a failure after the timeout is ignored', async () => {
  let fail = (_: Error): void => undefined;
  const late = new Promise<never>((_, reject) => (fail = reject));
  await expect(
    ask(
      withTimeout(
        1,
        all(() => late),
      ),
      'getUser',
      {},
    ),
  ).rejects.toMatchObject({
    kind: 'unavailable',
  });
  // Would end the process as an unhandled rejection.
  fail(new Error('late'));
  await expect(late).rejects.toThrow('late');
});
