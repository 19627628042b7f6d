import { beforeAll, describe, test } from 'vitest';
import type { Contract } from '../contracts/contract.ts';

/** Holds a subject to a contract, one test a clause. Whoever makes the subject closes it. */
export function describeContract<Subject>(
  name: string,
  contract: Contract<Subject>,
  makeSubject: () => Subject | Promise<Subject>,
): void {
  describe(name, () => {
    let subject: Subject;
    beforeAll(async () => {
      subject = await makeSubject();
    });
    for (const [clause, check] of Object.entries(contract)) {
      test(clause, () => check(subject));
    }
  });
}
