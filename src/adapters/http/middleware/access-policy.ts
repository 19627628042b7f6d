import type { MiddlewareHandler } from 'hono';
import {
  trustedCaller,
  authenticationMiddleware,
  callerFromContext,
  type Authenticate,
  type CallerOf,
} from './authentication.ts';
import { corsMiddleware } from './cors.ts';
import { rateLimit, type Rate, byAddress, byCaller } from './rate-limit.ts';

/** Authentication, rate limits and CORS of the app. */
export interface AccessPolicy {
  /** Null if authentication is off. */
  readonly authenticate: Authenticate | null;
  /** Why callers cannot be authenticated now, one sentence per reason, without secrets; otherwise empty. */
  readonly readinessProblems: () => Promise<readonly string[]>;
  readonly rateLimits: { readonly writes: Rate | null; readonly reads: Rate | null };
  /** The number of reverse proxies that append the client address to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  /** The origins whose web pages may call the API. */
  readonly corsOrigins: readonly string[];
}

/** No authentication, no rate limits, no CORS. */
export const ALLOW_ALL: AccessPolicy = {
  authenticate: null,
  readinessProblems: () => Promise.resolve([]),
  rateLimits: { writes: null, reads: null },
  trustedProxies: 0,
  corsOrigins: [],
};

/**
 * The middlewares that run before the routes, and the function that returns the caller of a request. Disabled features
 * add no middleware. `cors` is null if no origin is allowed; it must run before all middlewares that may refuse.
 */
export function accessMiddleware(accessPolicy: AccessPolicy): {
  cors: MiddlewareHandler | null;
  before: MiddlewareHandler[];
  callerOf: CallerOf;
} {
  const { authenticate, rateLimits, trustedProxies, corsOrigins } = accessPolicy;
  const callerOf = authenticate === null ? trustedCaller : callerFromContext;
  const rateLimitKeyOf = authenticate === null ? byAddress(trustedProxies) : byCaller(callerOf);
  const isLimited = rateLimits.writes !== null || rateLimits.reads !== null;
  return {
    callerOf,
    cors: corsOrigins.length > 0 ? corsMiddleware(corsOrigins) : null,
    before: [
      (c, next) => {
        c.set('rateLimitKeyOf', rateLimitKeyOf);
        return next();
      },
      ...(authenticate === null ? [] : [authenticationMiddleware(authenticate)]),
      ...(isLimited ? [rateLimit({ ...rateLimits, rateLimitKeyOf })] : []),
    ],
  };
}
