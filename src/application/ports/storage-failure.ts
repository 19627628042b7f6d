/**
 * The kinds of storage failure: `unavailable`, nothing was stored; `outcome_unknown`, the write may have been applied,
 * and only a repeat of the same request shows it.
 */
export type StorageFailureKind = 'unavailable' | 'outcome_unknown';

/** Made by adapters, and for an event log that has just begun. `cause` is the original error; it is only for the log. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
  readonly kind: StorageFailureKind;

  constructor(kind: StorageFailureKind, options?: { cause: unknown }) {
    super(kind === 'unavailable' ? 'storage is unavailable' : 'the outcome of a write is unknown', options);
    this.kind = kind;
  }
}
