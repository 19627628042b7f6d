import { beforeAll, describe, test } from 'vitest';
import type { Contract } from '../contracts/contract.ts';

/** Tests a subject against a contract, one test per clause. The caller closes the subject. */
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
