import type { Tracing } from './ports/tracing.ts';
import type { UseCases } from './use-cases.ts';

type Ask = (question: unknown) => Promise<unknown>;

/** The same use cases, each followed by `tracing`. */
export function withTracing(tracing: Tracing, useCases: UseCases): UseCases {
  const followed = Object.entries(useCases as unknown as Record<keyof UseCases, Ask>).map(([name, ask]) => [
    name,
    (question: unknown) => tracing.useCase(name as keyof UseCases, () => ask(question)),
  ]);
  return Object.fromEntries(followed) as UseCases;
}
