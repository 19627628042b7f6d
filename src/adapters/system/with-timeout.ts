import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { USE_CASES, wrapUseCases, type UseCases } from '../../application/use-cases.ts';

/**
 * Wraps the use cases with a timeout. A use case without a result within `milliseconds` rejects with a
 * `StorageFailure`: `outcome_unknown` for a command, which may still be applied, and `unavailable` for a query. The
 * work is not cancelled.
 */
export function withTimeout(milliseconds: number, useCases: UseCases): UseCases {
  return wrapUseCases(useCases, (useCase, name) => {
    const kind = USE_CASES[name].kind === 'command' ? 'outcome_unknown' : 'unavailable';
    return (request) => within(milliseconds, kind, useCase(request));
  });
}

function within<Result>(
  milliseconds: number,
  kind: StorageFailure['kind'],
  result: Promise<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new StorageFailure(kind, { cause: new Error(`no response within ${milliseconds} ms`) }));
    }, milliseconds);
    result.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        // The error is passed on unchanged, because callers check its type.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(error);
      },
    );
  });
}
