import type { OpenAPIHono } from '@hono/zod-openapi';
import { makeApp } from '../adapters/http/app.ts';
import type { EventStreams } from '../adapters/http/event-streams.ts';
import type { AccessPolicy } from '../adapters/http/middleware/access-policy.ts';
import type { Pseudonymize } from '../adapters/http/middleware/access-log.ts';
import type { MetricsText } from '../adapters/http/routes/metrics.ts';
import type { ReadAsset } from '../adapters/http/static-file.ts';
import { conversationIdOf } from '../adapters/system/conversation-ids.ts';
import { HOST_TIMER } from '../adapters/system/timer.ts';
import { withTimeout } from '../adapters/system/with-timeout.ts';
import {
  limitConcurrency,
  makeConcurrencyLimiter,
  type ConcurrencyLimiter,
} from '../application/concurrency-limiter.ts';
import { makeFollowEvents, type FollowEvents } from '../application/follow-events.ts';
import type { Build } from '../application/ports/build.ts';
import type { ClockCheck } from '../application/ports/clock-check.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Hints } from '../application/ports/hints.ts';
import type { Log } from '../application/ports/log.ts';
import type { MessageIds } from '../application/ports/message-ids.ts';
import type { Repositories, Storage } from '../application/ports/storage.ts';
import type { Telemetry } from '../application/ports/telemetry.ts';
import type { Timer } from '../application/ports/timer.ts';
import type { Tracing } from '../application/ports/tracing.ts';
import { requireVerifiedClock } from '../application/require-verified-clock.ts';
import { makeUseCases, type UseCaseDeps, type UseCases } from '../application/use-cases.ts';
import { withHints } from '../application/with-hints.ts';
import { withTracing } from '../application/with-tracing.ts';
import type { Microseconds } from '../domain/time.ts';
import { makeBindings, type Bindings } from './bindings.ts';

/** The values that differ between hosts and tests. They are open already; the caller closes storage. */
export interface Dependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  /** Called before each command and each query that needs a clock. */
  readonly clockCheck: ClockCheck;
  readonly messageIds: MessageIds;
  readonly telemetry: Telemetry;
  /** Null if tracing is off. */
  readonly tracing: Tracing | null;
  /** The metrics served at /metrics; null if the app has no such path. */
  readonly metrics: MetricsText | null;
  readonly log: Log;
  readonly pseudonymize: Pseudonymize;
  readonly build: Build;
  readonly docsAssets: ReadAsset;
  /** Reads a file of the built web client; null if the web client is off. */
  readonly webAssets: ReadAsset | null;
  /** The path under which a proxy serves the service; empty for none. */
  readonly publicPath: string;
  readonly accessPolicy: AccessPolicy;
  readonly hints: Hints;
  /** How often streams and waiting polls read the log without a hint, in milliseconds. */
  readonly pollIntervalMs: number;
  /** See `visibilityWindow` of the domain. */
  readonly visibilityWindow: Microseconds;
  readonly streams: EventStreams;
  readonly requestTimeoutMs: number;
  readonly maxRequestsInFlight: number;
}

/** Every service of the messenger, by name. */
export interface Services extends Dependencies, Omit<UseCaseDeps, keyof Repositories> {
  readonly readinessProblems: () => Promise<readonly string[]>;
  readonly concurrencyLimiter: ConcurrencyLimiter;
  /** The use cases, wrapped: traced, timed, with a verified clock, within the concurrency limit. */
  readonly useCases: UseCases;
  readonly timer: Timer;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly followEvents: FollowEvents;
  /** The HTTP app. */
  readonly app: OpenAPIHono;
}

/** Wires the messenger with the dependencies `given`. */
export function buildContainer(given: Dependencies): Pick<Bindings<Services>, 'resolve'> {
  const { bindValue, bindFactory, resolve } = makeBindings<Services>();

  for (const name of Object.keys(given) as (keyof Dependencies)[]) bindValue(name, given[name]);
  bindValue('conversationIdOf', conversationIdOf);
  bindValue('timer', HOST_TIMER);
  bindValue('random', Math.random);

  bindFactory('readinessProblems', makeReadinessProblems, ['storage', 'accessPolicy']);
  bindFactory('concurrencyLimiter', makeConcurrencyLimiter, ['maxRequestsInFlight', 'clock']);
  bindFactory('capacity', (deps: Pick<Services, 'concurrencyLimiter'>) => deps.concurrencyLimiter, [
    'concurrencyLimiter',
  ]);
  bindFactory('useCases', makeWrappedUseCases, [
    ...(['storage', 'capacity', 'clock', 'messageIds', 'conversationIdOf', 'visibilityWindow'] as const),
    ...(['hints'] as const),
    ...(['concurrencyLimiter', 'clockCheck', 'requestTimeoutMs', 'tracing'] as const),
  ]);
  bindFactory('followEvents', makeFollowEventsFromUseCases, [
    'useCases',
    'hints',
    'timer',
    'pollIntervalMs',
    'random',
  ]);
  bindFactory('app', makeApp, [
    ...(['useCases', 'concurrencyLimiter', 'followEvents', 'streams', 'readinessProblems'] as const),
    ...(['accessPolicy', 'build', 'docsAssets', 'webAssets', 'publicPath'] as const),
    ...(['telemetry', 'tracing', 'metrics', 'log', 'pseudonymize'] as const),
  ]);

  return { resolve };
}

function makeReadinessProblems(deps: Pick<Services, 'storage' | 'accessPolicy'>) {
  return async (): Promise<readonly string[]> => {
    const problems = [deps.storage.readinessProblems(), deps.accessPolicy.readinessProblems()];
    return (await Promise.all(problems)).flat();
  };
}

function makeWrappedUseCases(
  deps: Omit<UseCaseDeps, keyof Repositories> &
    Pick<
      Services,
      'storage' | 'hints' | 'concurrencyLimiter' | 'clockCheck' | 'requestTimeoutMs' | 'tracing'
    >,
): UseCases {
  // A command that runs longer than its request publishes its hints, too.
  const hinted = withHints(deps.hints, makeUseCases({ ...deps.storage, ...deps }));
  const limited = limitConcurrency(deps.concurrencyLimiter, hinted);
  // A command that waits for the clock does not count in the concurrency limit.
  const checked = requireVerifiedClock(deps.clockCheck, limited);
  const timed = withTimeout(deps.requestTimeoutMs, checked);
  return deps.tracing === null ? timed : withTracing(deps.tracing, timed);
}

/** Each read of a follower is a use case call within all limits. A waiting follower does not count in the concurrency limit. */
function makeFollowEventsFromUseCases(
  deps: Pick<Services, 'useCases' | 'hints' | 'timer' | 'pollIntervalMs' | 'random'>,
): FollowEvents {
  return makeFollowEvents({ ...deps, listEvents: deps.useCases.listEvents });
}
