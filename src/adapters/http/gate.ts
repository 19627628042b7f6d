import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { byAddress, byCaller } from './asker.ts';
import {
  anyCaller,
  authenticating,
  notedCaller,
  type Authenticate,
  type CallerOf,
} from './authentication.ts';
import { limiting, type Rate } from './rate-limit.ts';

/** Whom the app lets in. */
export interface Gate {
  /** Null where callers are not told apart. */
  readonly authenticate: Authenticate | null;
  readonly rateLimits: { readonly writes: Rate | null; readonly reads: Rate | null };
  /** How many proxies stand in front that append to `X-Forwarded-For` whom they see. */
  readonly trustedProxies: number;
  /** Whose pages may ask from a browser. */
  readonly corsOrigins: readonly string[];
}

/** Lets in everyone, as anyone, as often as they like. */
export const OPEN_GATE: Gate = {
  authenticate: null,
  rateLimits: { writes: null, reads: null },
  trustedProxies: 0,
  corsOrigins: [],
};

/** What stands before the routes, and how those learn who asks. What is not configured costs nothing. */
export function keepersOf(gate: Gate): { before: MiddlewareHandler[]; callerOf: CallerOf } {
  const { authenticate, rateLimits, trustedProxies, corsOrigins } = gate;
  const callerOf = authenticate === null ? anyCaller : notedCaller;
  const askerOf = authenticate === null ? byAddress(trustedProxies) : byCaller(callerOf);
  const isLimited = rateLimits.writes !== null || rateLimits.reads !== null;
  return {
    callerOf,
    before: [
      (c, next) => {
        c.set('rateLimitKeyOf', askerOf);
        return next();
      },
      ...(corsOrigins.length > 0 ? [crossOrigin(corsOrigins)] : []),
      ...(authenticate === null ? [] : [authenticating(authenticate)]),
      ...(isLimited ? [limiting({ ...rateLimits, askerOf })] : []),
    ],
  };
}

/** Lets pages of these origins ask, and see all that an answer says. Tokens come in a header: no cookies are let in. */
function crossOrigin(origins: readonly string[]): MiddlewareHandler {
  return cors({
    origin: [...origins],
    allowMethods: ['GET', 'POST', 'PUT'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'X-Request-Id'],
    exposeHeaders: [
      'Idempotency-Replayed',
      'Location',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'WWW-Authenticate',
      'X-Request-Id',
    ],
    maxAge: 600,
  });
}
