import type { ClockCheck } from './ports/clock-check.ts';
import { NEEDS_CLOCK, type UseCases } from './use-cases.ts';

type Ask = (question: never) => Promise<unknown>;

/** The same use cases; those that need a verified clock begin only once `clockCheck` has verified the clock, and reject where it does not. */
export function requireVerifiedClock(clockCheck: ClockCheck, useCases: UseCases): UseCases {
  const checked = (Object.keys(NEEDS_CLOCK) as (keyof UseCases)[]).map((name) => {
    const ask: Ask = useCases[name];
    if (!NEEDS_CLOCK[name]) return [name, ask];
    return [name, (question: never) => clockCheck.verified().then(() => ask(question))];
  });
  return Object.fromEntries(checked) as UseCases;
}
