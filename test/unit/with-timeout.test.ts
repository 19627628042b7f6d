import { expect, test } from 'vitest';
import { withTimeout } from '../../src/adapters/system/with-timeout.ts';
import { EFFECTS, type UseCases } from '../../src/application/use-cases.ts';
import { Refusal } from '../../src/domain/refusal.ts';

const names = Object.keys(EFFECTS) as (keyof UseCases)[];

/** Use cases that all do the same. */
function all(ask: (question: unknown) => Promise<unknown>): UseCases {
  return Object.fromEntries(names.map((name) => [name, ask])) as unknown as UseCases;
}

function ask(useCases: UseCases, name: keyof UseCases, question: unknown): Promise<unknown> {
  return (useCases[name] as (question: unknown) => Promise<unknown>)(question);
}

const never = (): Promise<never> => new Promise(() => undefined);

test.each(names)(
  '%s is given up in time, and says whether it may have left something behind',
  async (name) => {
    await expect(ask(withTimeout(1, all(never)), name, {})).rejects.toMatchObject({
      name: 'StorageFailure',
      kind: EFFECTS[name] === 'writes' ? 'outcome_unknown' : 'unavailable',
    });
  },
);

test('what is asked and answered in time passes unchanged', async () => {
  const question = {};
  const useCases = withTimeout(
    60_000,
    all((asked) => Promise.resolve(asked)),
  );
  for (const name of names) expect(await ask(useCases, name, question)).toBe(question);
});

test('a refusal in time passes unchanged', async () => {
  const refusal = new Refusal('user_not_found', 'There is no such user.');
  const useCases = withTimeout(
    60_000,
    all(() => Promise.reject(refusal)),
  );
  await expect(ask(useCases, 'getUser', {})).rejects.toBe(refusal);
});

test('a failure that comes too late is nobody’s any more', async () => {
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
