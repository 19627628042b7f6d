import { readFileSync } from 'node:fs';
import { vi } from 'vitest';
import { describeContract } from '../support/describe-contract.ts';
import type { Fetch } from './client.ts';
import { httpContracts } from './contract/contracts.ts';
import { documented, type OpenApiDocument } from './documented.ts';
import { openApp } from './open-app.ts';

// Some sentences take many requests.
vi.setConfig({ testTimeout: 30_000 });

const document = JSON.parse(
  readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'),
) as OpenApiDocument;

for (const [name, contract] of Object.entries(httpContracts)) {
  describeContract<Fetch>(`${name}, without a port`, contract, () => {
    const app = openApp();
    return documented(async (request) => app.fetch(request), document);
  });
}
