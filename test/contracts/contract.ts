import type { Storage } from '../../src/application/ports/storage.ts';

/**
 * The guarantees of a port: each clause with a check. A check rejects with an `AssertionError` if the clause does not
 * hold. It is independent of the test runner, does not change existing data, and uses fresh ids, so it can run
 * concurrently with others and on a store in use.
 */
export type Contract<Subject> = Readonly<Record<string, (subject: Subject) => Promise<void>>>;

/** The storage under test, as several processes see it. */
export interface StorageSubject {
  /** Two processes over one store. */
  readonly processes: readonly [Storage, Storage];
  /** A further process over the same store, for a check that closes it. */
  readonly open: () => Promise<Storage>;
}
