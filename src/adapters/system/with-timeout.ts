import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { EFFECTS, type UseCases } from '../../application/use-cases.ts';

type Ask = (question: never) => Promise<unknown>;

/**
 * The same use cases, each answering within `milliseconds`: what is not there by then is given up with a
 * `StorageFailure`, as a write that may still happen or a read that did not. The work itself goes on.
 */
export function withTimeout(milliseconds: number, useCases: UseCases): UseCases {
  const bounded = (Object.keys(EFFECTS) as (keyof UseCases)[]).map((name) => {
    const kind = EFFECTS[name] === 'writes' ? 'outcome_unknown' : 'unavailable';
    const ask: Ask = useCases[name];
    return [name, (question: never) => within(milliseconds, kind, ask(question))];
  });
  return Object.fromEntries(bounded) as UseCases;
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
