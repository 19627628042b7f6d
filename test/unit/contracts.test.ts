import { memoryStorage } from '../support/memory-storage.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { contracts } from '../contracts/contracts.ts';
import { followingContract } from '../contracts/following.ts';
import { messageIdsContract } from '../contracts/message-ids.ts';
import { describeContract } from '../support/describe-contract.ts';
import { followingInMemory } from '../support/following.ts';

const storage = memoryStorage();

for (const [port, contract] of Object.entries(contracts)) {
  // In memory, both processes of a store are the same object.
  describeContract(`${port} in memory`, contract, () => ({
    processes: [storage, storage] as const,
    open: () => Promise.resolve(storage),
  }));
}

describeContract('following in memory', followingContract, followingInMemory);

describeContract('message ids', messageIdsContract, () => makeMessageIds);
