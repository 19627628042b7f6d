import { ORIGIN, type Fetch } from '../http/client.ts';
import { httpContracts } from '../http/contract/contracts.ts';

/** What came of holding a service to the HTTP contract. */
export interface Verdict {
  readonly kept: number;
  /** The sentences that were not kept, with what was found instead. */
  readonly broken: readonly { readonly clause: string; readonly error: unknown }[];
}

/** Holds the service at `url` to every clause of the HTTP contract, one after another. */
export async function holdToContract(url: string): Promise<Verdict> {
  const overPort: Fetch = (asked) =>
    fetch(new Request(asked.url.replace(ORIGIN, url), asked), { redirect: 'manual' });
  let kept = 0;
  const broken: { clause: string; error: unknown }[] = [];
  for (const [name, contract] of Object.entries(httpContracts)) {
    for (const [clause, check] of Object.entries(contract)) {
      try {
        await check(overPort);
        kept += 1;
      } catch (error) {
        broken.push({ clause: `${name}: ${clause}`, error });
      }
    }
  }
  return { kept, broken };
}
