import type { Context, MiddlewareHandler } from 'hono';
import type { Log } from '../../../application/ports/log.ts';
import type { Telemetry } from '../../../application/ports/telemetry.ts';
import type { UserId } from '../../../domain/ids.ts';
import { methodOf, routeOf } from './request-context.ts';

/** How logs identify a user: by a keyed hash; null to omit users. */
export type Pseudonymize = ((userId: UserId) => string) | null;

/** Paths that are requested every few seconds. Only their failures are logged. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);

/** Counts and logs each request. */
export function accessLog(deps: {
  readonly telemetry: Telemetry;
  readonly log: Log;
  readonly pseudonymize: Pseudonymize;
}): MiddlewareHandler {
  const { telemetry, log, pseudonymize } = deps;
  return async (c, next) => {
    const startedAt = performance.now();
    await next();
    const { replayed } = c.get('requestContext');
    const method = methodOf(c);
    const route = routeOf(c);
    const { status } = c.res;
    const milliseconds = performance.now() - startedAt;
    telemetry.requestCompleted({ method, route, status, milliseconds, replayed });
    if (status < 400 && route !== null && PROBES.has(route)) return;
    const durationMs = Math.round(milliseconds * 100) / 100;
    log.info({ ...logFieldsOf(c, pseudonymize), method, route, status, durationMs }, 'Request completed');
  };
}

/** The fields that identify the request and its user in log lines. */
export function logFieldsOf(c: Context, pseudonymize: Pseudonymize): object {
  const { requestId, traceId } = c.get('requestContext');
  const caller = pseudonymize === null ? undefined : c.get('caller');
  return {
    requestId,
    ...(traceId !== null && { traceId }),
    ...(caller?.kind === 'user' && { user: pseudonymize?.(caller.userId) }),
  };
}
