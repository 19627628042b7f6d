import { AssertionError } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import type { Contract, StorageSubject } from '../contracts/contract.ts';
import { conversationRepositorySaboteurs } from '../contracts/conversation-repository.saboteurs.ts';
import { contracts } from '../contracts/contracts.ts';
import { messageRepositorySaboteurs } from '../contracts/message-repository.saboteurs.ts';
import type { Saboteur, Saboteurs } from '../contracts/saboteurs.ts';
import { storageSaboteurs } from '../contracts/storage.saboteurs.ts';
import { userRepositorySaboteurs } from '../contracts/user-repository.saboteurs.ts';

const saboteurs: { readonly [Port in keyof typeof contracts]: Saboteurs<(typeof contracts)[Port]> } = {
  'message repository': messageRepositorySaboteurs,
  'conversation repository': conversationRepositorySaboteurs,
  'user repository': userRepositorySaboteurs,
  storage: storageSaboteurs,
};

/** Ample: on a busy host a storage that never comes to an end takes a while to be caught. */
const TIMEOUT_MS = 30_000;

for (const [port, contract] of Object.entries<Contract<StorageSubject>>(contracts)) {
  const bySentence: Readonly<Record<string, readonly Saboteur[]>> = saboteurs[port as keyof typeof saboteurs];
  for (const [sentence, check] of Object.entries(contract)) {
    describe(`${port}: “${sentence}”`, () => {
      for (const { how, makeSubject } of bySentence[sentence] ?? []) {
        test(
          `catches a storage that ${how}`,
          async () => {
            await expect(check(makeSubject())).rejects.toBeInstanceOf(AssertionError);
          },
          TIMEOUT_MS,
        );
      }
    });
  }
}
