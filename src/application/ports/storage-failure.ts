/**
 * How storage lets us down: `unavailable`, it did not happen; `outcome_unknown`, something may have happened,
 * and only a repeat can tell.
 */
export type StorageFailureKind = 'unavailable' | 'outcome_unknown';

/** Made by storage adapters alone. What lies underneath is its `cause`, which is for the log and no one else. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
  readonly kind: StorageFailureKind;

  constructor(kind: StorageFailureKind, options?: { cause: unknown }) {
    super(kind === 'unavailable' ? 'storage is unavailable' : 'the outcome of a write is unknown', options);
    this.kind = kind;
  }
}
