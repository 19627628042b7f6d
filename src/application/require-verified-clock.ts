import type { ClockCheck } from './ports/clock-check.ts';
import { needsClock, wrapUseCases, type UseCases } from './use-cases.ts';

/**
 * The same use cases; commands, and queries whose result depends on the time, begin only once `clockCheck` has verified the
 * clock, and reject where it does not.
 */
export function requireVerifiedClock(clockCheck: ClockCheck, useCases: UseCases): UseCases {
  return wrapUseCases(useCases, (useCase, name) =>
    needsClock(name) ? (request) => clockCheck.verified().then(() => useCase(request)) : useCase,
  );
}
