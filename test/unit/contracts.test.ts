import { expect, test } from 'vitest';
import { memoryStorage } from '../support/memory-storage.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { REPOSITORY_PORTS, storageContracts } from '../contracts/contracts.ts';
import { followingContract } from '../contracts/following.ts';
import { messageIdsContract } from '../contracts/message-ids.ts';
import { describeContract } from '../support/describe-contract.ts';
import { followingInMemory } from '../support/following.ts';

const storage = memoryStorage();

for (const { name, contract } of storageContracts) {
  // In memory, both processes of a store are the same object.
  describeContract(`${name} in memory`, contract, () => ({
    processes: [storage, storage] as const,
    open: () => Promise.resolve(storage),
  }));
}

test('the port of every repository is a file of its own, src/application/ports/*-repository.ts', () => {
  const repositories = Object.values(storage).filter((part) => typeof part === 'object');
  expect(repositories).toHaveLength(REPOSITORY_PORTS.length);
});

describeContract('following in memory', followingContract, followingInMemory);

describeContract('message ids', messageIdsContract, () => makeMessageIds);
