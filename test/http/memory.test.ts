import { expect, test } from 'vitest';
import { describeContract } from '../support/describe-contract.ts';
import type { Fetch } from './client.ts';
import { httpContracts } from './contract/contracts.ts';
import { documented } from './documented.ts';
import { openApp } from './open-app.ts';
import { API_REQUESTS, openApiDocument, PUBLIC_REQUESTS } from './operations.ts';

/** The operations that a clause has called successfully, by contract. */
const successful = new Map<string, Set<string>>();

for (const [name, contract] of Object.entries(httpContracts)) {
  const called = new Set<string>();
  successful.set(name, called);
  describeContract<Fetch>(`${name}, without a port`, contract, () => {
    const app = openApp();
    return documented(
      async (request) => app.fetch(request),
      openApiDocument,
      (operationId, status) => {
        if (status < 300) called.add(operationId);
      },
    );
  });
}

test('every operation of the document has a clause that calls it successfully', () => {
  const everywhere = [...successful.values()].flatMap((called) => [...called]);
  // The contract of requests derives its requests from the document, so it has some for every route under /api.
  const outsideRequests = [...successful].flatMap(([name, called]) =>
    name === 'requests' ? [] : [...called],
  );
  const missing = [
    ...API_REQUESTS.filter(({ operationId }) => !outsideRequests.includes(operationId)),
    ...PUBLIC_REQUESTS.filter(({ operationId }) => !everywhere.includes(operationId)),
  ];
  const names = missing.map(({ operationId }) => operationId);
  expect(names, 'no clause of test/http/contract calls these with success').toEqual([]);
});
