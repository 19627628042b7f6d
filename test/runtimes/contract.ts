import { ORIGIN, type Fetch } from '../http/client.ts';
import { httpContracts } from '../http/contract/contracts.ts';

/** The result of testing a service against the HTTP contract. */
export interface ContractResult {
  readonly passed: number;
  /** The clauses that failed, with the error. */
  readonly broken: readonly { readonly clause: string; readonly error: unknown }[];
}

/** Tests the service at `url` against every clause of the HTTP contract, in sequence. */
export async function checkContract(url: string): Promise<ContractResult> {
  const overPort: Fetch = (asked) =>
    fetch(new Request(asked.url.replace(ORIGIN, url), asked), { redirect: 'manual' });
  let passed = 0;
  const broken: { clause: string; error: unknown }[] = [];
  for (const [name, contract] of Object.entries(httpContracts)) {
    for (const [clause, check] of Object.entries(contract)) {
      try {
        await check(overPort);
        passed += 1;
      } catch (error) {
        broken.push({ clause: `${name}: ${clause}`, error });
      }
    }
  }
  return { passed, broken };
}
