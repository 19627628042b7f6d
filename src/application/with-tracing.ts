import type { Tracing } from './ports/tracing.ts';
import { wrapUseCases, type UseCases } from './use-cases.ts';

/** Wraps the use cases: each call gets its own span. */
export function withTracing(tracing: Tracing, useCases: UseCases): UseCases {
  return wrapUseCases(
    useCases,
    (useCase, name) => (request) => tracing.useCase(name, () => useCase(request)),
  );
}
