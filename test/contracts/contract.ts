import type { Storage } from '../../src/application/ports/storage.ts';

/**
 * What a port promises: each promise as a sentence, with the check that tells whether it is kept. A check rejects
 * with an `AssertionError` where it is not. It knows no test runner, leaves what it finds as it is, and keeps to
 * itself by fresh ids, so that it runs as well beside others and on a store in use.
 */
export type Contract<Subject> = Readonly<Record<string, (subject: Subject) => Promise<void>>>;

/** The storage that is held to its promises, as several processes see it. */
export interface StorageSubject {
  /** Two processes over one store. */
  readonly processes: readonly [Storage, Storage];
  /** A further process over the same store, for a check that closes it. */
  readonly open: () => Promise<Storage>;
}
