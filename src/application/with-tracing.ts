import type { Tracing } from './ports/tracing.ts';
import { wrapUseCases, type UseCases } from './use-cases.ts';

/** The same use cases, each in a span of its own. */
export function withTracing(tracing: Tracing, useCases: UseCases): UseCases {
  return wrapUseCases(
    useCases,
    (useCase, name) => (request) => tracing.useCase(name, () => useCase(request)),
  );
}
