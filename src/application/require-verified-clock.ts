import type { ClockCheck } from './ports/clock-check.ts';
import { needsClock, wrapUseCases, type UseCases } from './use-cases.ts';

/**
 * Wraps the use cases: commands, and queries whose result depends on the time, start only after `clockCheck` has
 * verified the clock, and reject if it does not.
 */
export function requireVerifiedClock(clockCheck: ClockCheck, useCases: UseCases): UseCases {
  return wrapUseCases(useCases, (useCase, name) =>
    needsClock(name) ? (request) => clockCheck.verified().then(() => useCase(request)) : useCase,
  );
}
