import type { MiddlewareHandler } from 'hono';
import { byAddress, byCaller } from './rate-limit-key.ts';
import {
  trustedCaller,
  authenticationMiddleware,
  callerFromContext,
  type Authenticate,
  type CallerOf,
} from './authentication.ts';
import { corsMiddleware } from './cors.ts';
import { rateLimit, type Rate } from './rate-limit.ts';

/** Whom the app lets in. */
export interface AccessPolicy {
  /** Null where callers are not told apart. */
  readonly authenticate: Authenticate | null;
  /** Why nobody can be let in now, in sentences for any reader; empty where callers can be told apart. */
  readonly readinessProblems: () => Promise<readonly string[]>;
  readonly rateLimits: { readonly writes: Rate | null; readonly reads: Rate | null };
  /** How many proxies stand in front that append to `X-Forwarded-For` whom they see. */
  readonly trustedProxies: number;
  /** Whose pages may ask from a browser. */
  readonly corsOrigins: readonly string[];
}

/** Lets in everyone, as anyone, as often as they like. */
export const ALLOW_ALL: AccessPolicy = {
  authenticate: null,
  readinessProblems: () => Promise.resolve([]),
  rateLimits: { writes: null, reads: null },
  trustedProxies: 0,
  corsOrigins: [],
};

/**
 * What stands before the routes, and how those learn who asks. What is not configured costs nothing. `cors` is null
 * where no origin is allowed; it goes before everything that may refuse.
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
