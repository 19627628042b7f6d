import { AssertionError } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import type { Contract, StorageSubject } from '../contracts/contract.ts';
import { conversationRepositorySaboteurs } from '../contracts/conversation-repository.saboteurs.ts';
import { contracts } from '../contracts/contracts.ts';
import { eventRepositorySaboteurs } from '../contracts/event-repository.saboteurs.ts';
import { messageIdsSaboteurs } from '../contracts/message-ids.saboteurs.ts';
import { messageIdsContract } from '../contracts/message-ids.ts';
import { messageRepositorySaboteurs } from '../contracts/message-repository.saboteurs.ts';
import { readPositionRepositorySaboteurs } from '../contracts/read-position-repository.saboteurs.ts';
import type { Saboteur, Saboteurs } from '../contracts/saboteurs.ts';
import { storageSaboteurs } from '../contracts/storage.saboteurs.ts';
import { userRepositorySaboteurs } from '../contracts/user-repository.saboteurs.ts';

const saboteurs: { readonly [Port in keyof typeof contracts]: Saboteurs<(typeof contracts)[Port]> } = {
  'message repository': messageRepositorySaboteurs,
  'conversation repository': conversationRepositorySaboteurs,
  'event repository': eventRepositorySaboteurs,
  'read position repository': readPositionRepositorySaboteurs,
  'user repository': userRepositorySaboteurs,
  storage: storageSaboteurs,
};

/** Ample: on a busy host a storage that never comes to an end takes a while to be caught. */
const TIMEOUT_MS = 30_000;

/** Holds every saboteur of a contract to be caught by its sentence. */
function describeSaboteurs<Subject>(
  port: string,
  contract: Contract<Subject>,
  bySentence: Readonly<Record<string, readonly Saboteur<Subject>[]>>,
): void {
  for (const [sentence, check] of Object.entries(contract)) {
    describe(`${port}: “${sentence}”`, () => {
      for (const { how, makeSubject } of bySentence[sentence] ?? []) {
        test(
          `catches one that ${how}`,
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
  describeSaboteurs(port, contract, saboteurs[port as keyof typeof saboteurs]);
}
describeSaboteurs('message ids', messageIdsContract, messageIdsSaboteurs);
