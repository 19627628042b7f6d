import { AssertionError } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../support/memory-storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { accessContracts } from '../contracts/access.ts';
import { accessMutants, withoutAccessCheck, type AccessMutant } from '../contracts/access.mutants.ts';
import { freshUser, freshUsers, conversationIdFor } from '../contracts/fixtures.ts';
import type { Contract } from '../contracts/contract.ts';
import { withBreakage } from '../contracts/mutants.ts';
import { describeContract } from '../support/describe-contract.ts';
import { useCasesOver } from '../support/use-cases.ts';

const clock = makeClock();
const messageIds = makeMessageIds({ clock });

function inMemory(): UseCases {
  return useCasesOver(memoryStorage(), { clock, messageIds });
}

for (const [name, contract] of Object.entries<Contract<UseCases>>(accessContracts)) {
  describeContract<UseCases>(`access to ${name}, in memory`, contract, inMemory);

  const useCase = name as keyof typeof accessContracts;
  const mutants: Readonly<Record<string, readonly AccessMutant[]>> = accessMutants[useCase] ?? {};
  describe(`the access contract of ${name}`, () => {
    for (const [clause, check] of Object.entries(contract)) {
      for (const { how, apply } of mutants[clause] ?? [withoutAccessCheck(useCase)]) {
        test(`“${clause}” catches a mutant that ${how}`, async () => {
          await expect(check(apply(inMemory()))).rejects.toBeInstanceOf(AssertionError);
        });
      }
    }

    const { how, apply } = withoutAccessCheck(useCase);
    test(`catches a mutant that ${how}`, async () => {
      const results = await Promise.allSettled(
        Object.values(contract).map((check) => check(apply(inMemory()))),
      );
      const errors = results.flatMap((result) =>
        result.status === 'rejected' ? [result.reason as unknown] : [],
      );
      expect(errors).toContainEqual(expect.any(AssertionError));
    });
  });
}

test('a non-participant is refused without reading the messages, so that the latency reveals nothing', async () => {
  const storage = memoryStorage();
  const [anna, ben] = freshUsers();
  const correct = useCasesOver(storage, { clock, messageIds });
  const message = { senderId: anna, receiverId: ben, content: 'Between us', idempotencyKey: null };
  await correct.sendMessage({ caller: { kind: 'user', userId: anna }, ...message });

  const never = () => new Promise<never>(() => undefined);
  const silent = withBreakage(storage, { messages: { listBefore: never }, conversations: { find: never } });
  const { getConversation, listMessagesBefore } = useCasesOver(silent, { clock, messageIds });
  const caller = { kind: 'user', userId: freshUser() } as const;
  const query = { caller, conversationId: conversationIdFor(anna, ben) };
  const refusal = { code: 'conversation_not_found' };
  await expect(getConversation(query)).rejects.toMatchObject(refusal);
  await expect(listMessagesBefore({ ...query, before: null, limit: 1, page: 1 })).rejects.toMatchObject(
    refusal,
  );
});
