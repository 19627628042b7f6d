import type { OpenAPIHono } from '@hono/zod-openapi';
import { makeApp } from '../adapters/http/app.ts';
import type { AccessPolicy } from '../adapters/http/middleware/access-policy.ts';
import type { Pseudonymize } from '../adapters/http/middleware/access-log.ts';
import type { DocsAssets } from '../adapters/http/routes/docs.ts';
import type { MetricsText } from '../adapters/http/routes/metrics.ts';
import { conversationIdOf } from '../adapters/system/conversation-ids.ts';
import { withTimeout } from '../adapters/system/with-timeout.ts';
import {
  limitConcurrency,
  makeConcurrencyLimiter,
  type ConcurrencyLimiter,
} from '../application/concurrency-limiter.ts';
import type { Build } from '../application/ports/build.ts';
import type { ClockCheck } from '../application/ports/clock-check.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Log } from '../application/ports/log.ts';
import type { MessageIds } from '../application/ports/message-ids.ts';
import type { Storage } from '../application/ports/storage.ts';
import type { Telemetry } from '../application/ports/telemetry.ts';
import type { Tracing } from '../application/ports/tracing.ts';
import { requireVerifiedClock } from '../application/require-verified-clock.ts';
import { makeUseCases, type UseCaseDeps, type UseCases } from '../application/use-cases.ts';
import { withTracing } from '../application/with-tracing.ts';
import { makeBindings, type Bindings } from './bindings.ts';

/** What differs between hosts and between tests. All of it is open already; the caller closes storage. */
export interface Dependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  /** Asked before each command. */
  readonly clockCheck: ClockCheck;
  readonly messageIds: MessageIds;
  readonly telemetry: Telemetry;
  /** Null if tracing is off. */
  readonly tracing: Tracing | null;
  /** What the app serves at /metrics; null if it has no such path. */
  readonly metrics: MetricsText | null;
  readonly log: Log;
  readonly pseudonymize: Pseudonymize;
  readonly build: Build;
  readonly docsAssets: DocsAssets;
  /** The path under which a proxy serves the service; empty for none. */
  readonly publicPath: string;
  readonly accessPolicy: AccessPolicy;
  readonly requestTimeoutMs: number;
  readonly maxRequestsInFlight: number;
}

/** Every service of the messenger, by name. */
export interface Services extends Dependencies, UseCaseDeps {
  readonly readinessProblems: () => Promise<readonly string[]>;
  readonly concurrencyLimiter: ConcurrencyLimiter;
  /** The use cases, wrapped: traced, timed, with a verified clock, within the concurrency limit. */
  readonly useCases: UseCases;
  /** What a host serves. */
  readonly app: OpenAPIHono;
}

/** Wires the messenger over `given`. */
export function buildContainer(given: Dependencies): Pick<Bindings<Services>, 'resolve'> {
  const { bindValue, bindFactory, resolve } = makeBindings<Services>();

  for (const name of Object.keys(given) as (keyof Dependencies)[]) bindValue(name, given[name]);
  bindValue('messages', given.storage.messages);
  bindValue('conversations', given.storage.conversations);
  bindValue('events', given.storage.events);
  bindValue('readPositions', given.storage.readPositions);
  bindValue('users', given.storage.users);
  bindValue('conversationIdOf', conversationIdOf);

  bindFactory('readinessProblems', makeReadinessProblems, ['storage', 'accessPolicy']);
  bindFactory('concurrencyLimiter', makeConcurrencyLimiter, ['maxRequestsInFlight', 'clock']);
  bindFactory('useCases', makeWrappedUseCases, [
    ...([
      'messages',
      'conversations',
      'events',
      'readPositions',
      'users',
      'clock',
      'messageIds',
      'conversationIdOf',
    ] as const),
    ...(['concurrencyLimiter', 'clockCheck', 'requestTimeoutMs', 'tracing'] as const),
  ]);
  bindFactory('app', makeApp, [
    ...([
      'useCases',
      'concurrencyLimiter',
      'readinessProblems',
      'accessPolicy',
      'build',
      'docsAssets',
    ] as const),
    ...(['publicPath', 'telemetry', 'tracing', 'metrics', 'log', 'pseudonymize'] as const),
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
  deps: UseCaseDeps & Pick<Services, 'concurrencyLimiter' | 'clockCheck' | 'requestTimeoutMs' | 'tracing'>,
): UseCases {
  const limited = limitConcurrency(deps.concurrencyLimiter, makeUseCases(deps));
  // A command that waits for the clock does not count in the concurrency limit.
  const checked = requireVerifiedClock(deps.clockCheck, limited);
  const timed = withTimeout(deps.requestTimeoutMs, checked);
  return deps.tracing === null ? timed : withTracing(deps.tracing, timed);
}
