import { AssertionError } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import type { Contract, StorageSubject } from '../contracts/contract.ts';
import { conversationRepositoryMutants } from '../contracts/conversation-repository.mutants.ts';
import { contracts } from '../contracts/contracts.ts';
import { eventRepositoryMutants } from '../contracts/event-repository.mutants.ts';
import { followingMutants } from '../contracts/following.mutants.ts';
import { followingContract } from '../contracts/following.ts';
import { messageIdsMutants } from '../contracts/message-ids.mutants.ts';
import { messageIdsContract } from '../contracts/message-ids.ts';
import { messageChangesMutants } from '../contracts/message-changes.mutants.ts';
import { groupRepositoryMutants } from '../contracts/group-repository.mutants.ts';
import { messageRepositoryMutants } from '../contracts/message-repository.mutants.ts';
import { readPositionRepositoryMutants } from '../contracts/read-position-repository.mutants.ts';
import type { Mutant, Mutants } from '../contracts/mutants.ts';
import { storageMutants } from '../contracts/storage.mutants.ts';
import { userRepositoryMutants } from '../contracts/user-repository.mutants.ts';

const mutants: { readonly [Port in keyof typeof contracts]: Mutants<(typeof contracts)[Port]> } = {
  messages: messageRepositoryMutants,
  'message changes': messageChangesMutants,
  conversations: conversationRepositoryMutants,
  groups: groupRepositoryMutants,
  events: eventRepositoryMutants,
  readPositions: readPositionRepositoryMutants,
  users: userRepositoryMutants,
  storage: storageMutants,
};

/** Ample: on a busy host, catching a mutant that never ends takes time. */
const TIMEOUT_MS = 30_000;

/** Asserts that every mutant of a contract fails its clause. */
function describeMutants<Subject>(
  port: string,
  contract: Contract<Subject>,
  byClause: Readonly<Record<string, readonly Mutant<Subject>[]>>,
): void {
  for (const [clause, check] of Object.entries(contract)) {
    describe(`${port}: “${clause}”`, () => {
      for (const { how, makeSubject } of byClause[clause] ?? []) {
        test(
          `catches a mutant that ${how}`,
          async () => {
            await expect(check(makeSubject())).rejects.toBeInstanceOf(AssertionError);
          },
          TIMEOUT_MS,
        );
      }
    });
  }
}

for (const [port, contract] of Object.entries<Contract<StorageSubject>>(contracts)) {
  describeMutants(port, contract, mutants[port as keyof typeof mutants]);
}
describeMutants('following', followingContract, followingMutants);
describeMutants('message ids', messageIdsContract, messageIdsMutants);
