import { afterAll, beforeAll } from 'vitest';
import type { CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import type { CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { accessContracts } from '../contracts/access.ts';
import { storageContracts } from '../contracts/contracts.ts';
import { describeContract } from '../support/describe-contract.ts';
import { useCasesOver } from '../support/use-cases.ts';
import { freshKeyspace, openStorage } from './cluster.ts';

let options: CassandraOptions;
let processes: readonly [CassandraStorage, CassandraStorage];

beforeAll(async () => {
  options = await freshKeyspace();
  processes = [await openStorage(options), await openStorage(options)];
});

afterAll(async () => {
  await Promise.all(processes.map((storage) => storage.close()));
});

for (const { name, contract } of storageContracts) {
  describeContract(`${name} in Cassandra`, contract, () => ({
    processes,
    open: () => openStorage(options),
  }));
}

for (const [name, contract] of Object.entries(accessContracts)) {
  describeContract<UseCases>(`access to ${name}, in Cassandra`, contract, () => {
    const clock = makeClock();
    return useCasesOver(processes[0], { clock, messageIds: makeMessageIds({ clock }) });
  });
}
