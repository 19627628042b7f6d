import type { Clock } from '../../application/ports/clock.ts';
import type { Hints } from '../../application/ports/hints.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type { LatenessLimits } from '../../domain/event.ts';
import type { BackgroundRetry } from './background-retry.ts';
import type { EventLogState } from './event-log-state.ts';
import type { Session } from './session.ts';

/** The dependencies of the repositories; each takes those that it needs. */
export interface RepositoryDependencies {
  readonly session: Session;
  readonly clock: Clock;
  readonly messageIds: MessageIds;
  readonly retry: BackgroundRetry;
  /** In microseconds; see `isLate`. */
  readonly limits: LatenessLimits;
  /** Receives a hint for each write that is completed in the background. */
  readonly hints: Pick<Hints, 'publish'>;
  readonly eventLog: Pick<EventLogState, 'daysToKeep' | 'start'>;
  /** Days for which an idempotency key is kept; 0 means forever. */
  readonly keyRetentionDays: number;
}
