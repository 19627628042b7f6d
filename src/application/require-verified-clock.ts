import type { ClockCheck } from './ports/clock-check.ts';
import { USE_CASES, wrapUseCases, type UseCases } from './use-cases.ts';

/** The same use cases; commands begin only once `clockCheck` has verified the clock, and reject where it does not. */
export function requireVerifiedClock(clockCheck: ClockCheck, useCases: UseCases): UseCases {
  return wrapUseCases(useCases, (useCase, name) =>
    USE_CASES[name].kind === 'query'
      ? useCase
      : (request) => clockCheck.verified().then(() => useCase(request)),
  );
}
