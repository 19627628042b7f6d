import { vi } from 'vitest';
import { describeContract } from '../support/describe-contract.ts';
import type { Fetch } from './client.ts';
import { httpContracts } from './contract/contracts.ts';
import { documented } from './documented.ts';
import { openApp } from './open-app.ts';
import { openApiDocument } from './operations.ts';

// Some clauses send many requests.
vi.setConfig({ testTimeout: 30_000 });

for (const [name, contract] of Object.entries(httpContracts)) {
  describeContract<Fetch>(`${name}, without a port`, contract, () => {
    const app = openApp();
    return documented(async (request) => app.fetch(request), openApiDocument);
  });
}
