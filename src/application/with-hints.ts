import type { Hints } from './ports/hints.ts';
import { notifierOf, wrapUseCases, type UseCases } from './use-cases.ts';

/** The same use cases. Each command that adds events publishes a hint for their users when it resolves. */
export function withHints(hints: Pick<Hints, 'publish'>, useCases: UseCases): UseCases {
  return wrapUseCases(useCases, (useCase, name) => {
    const usersOf = notifierOf(name);
    if (usersOf === null) return useCase;
    return async (request) => {
      const result = await useCase(request);
      hints.publish(usersOf(result));
      return result;
    };
  });
}
