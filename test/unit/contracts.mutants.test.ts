import { AssertionError } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import type { Contract } from '../contracts/contract.ts';
import { storageContracts } from '../contracts/contracts.ts';
import { followingMutants } from '../contracts/following.mutants.ts';
import { followingContract } from '../contracts/following.ts';
import { messageIdsMutants } from '../contracts/message-ids.mutants.ts';
import { messageIdsContract } from '../contracts/message-ids.ts';
import type { Mutant } from '../contracts/mutants.ts';

/** Asserts that every mutant of a contract fails its clause. */
function describeMutants<Subject>(
  port: string,
  contract: Contract<Subject>,
  byClause: Readonly<Record<string, readonly Mutant<Subject>[]>>,
): void {
  test(`${port}: every clause has a mutant`, () => {
    expect(Object.keys(contract).filter((clause) => (byClause[clause] ?? []).length === 0)).toEqual([]);
  });

  for (const [clause, check] of Object.entries(contract)) {
    describe(`${port}: “${clause}”`, () => {
      for (const { how, makeSubject } of byClause[clause] ?? []) {
        test(`catches a mutant that ${how}`, async () => {
          await expect(check(makeSubject())).rejects.toBeInstanceOf(AssertionError);
        });
      }
    });
  }
}

for (const { name, contract, mutants } of storageContracts) describeMutants(name, contract, mutants);
describeMutants('following', followingContract, followingMutants);
describeMutants('message ids', messageIdsContract, messageIdsMutants);
