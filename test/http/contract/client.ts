import { clientChecks } from '../../client/checks.ts';
import type { Contract } from '../../contracts/contract.ts';
import { ORIGIN, type Fetch } from '../client.ts';

/** The typed client works with the service. */
export const clientContract: Contract<Fetch> = Object.fromEntries(
  Object.entries(clientChecks).map(([clause, check]) => [
    clause,
    (fetch: Fetch) =>
      check({
        baseUrl: ORIGIN,
        fetch: (url, init) => fetch(new Request(url, init)),
      }),
  ]),
);
