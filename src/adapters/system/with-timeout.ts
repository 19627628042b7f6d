import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { USE_CASES, wrapUseCases, type UseCases } from '../../application/use-cases.ts';

/**
 * The same use cases, each with an answer within `milliseconds`: otherwise it rejects with a `StorageFailure`, which is
 * `outcome_unknown` for a command, as it may still be carried out. The work itself goes on.
 */
export function withTimeout(milliseconds: number, useCases: UseCases): UseCases {
  return wrapUseCases(useCases, (useCase, name) => {
    const kind = USE_CASES[name].kind === 'command' ? 'outcome_unknown' : 'unavailable';
    return (request) => within(milliseconds, kind, useCase(request));
  });
}

function within<Answer>(
  milliseconds: number,
  kind: StorageFailure['kind'],
  answer: Promise<Answer>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new StorageFailure(kind, { cause: new Error(`no answer within ${milliseconds} ms`) }));
    }, milliseconds);
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        // As it came: the caller tells failures apart.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(error);
      },
    );
  });
}
