import type { Context, MiddlewareHandler } from 'hono';
import { TokenBucket } from 'limiter';
import { LRUCache } from 'lru-cache';
import type { RateLimitKeyOf } from './rate-limit-key.ts';
import { HttpFailure } from '../problems.ts';

/** So many requests in so many seconds, and a burst of so many at once. */
export interface Rate {
  readonly limit: number;
  readonly seconds: number;
  readonly burst: number;
}

/**
 * How many keys have a bucket, for reads and for writes each. A key with its bucket takes about 240 bytes (measured with
 * 250,000 addresses on Node 20), so this is 24 MB each. The key that was used least recently loses its bucket.
 */
const MAX_KEYS = 100_000;

/**
 * Lets each asker make so many requests: each has a bucket of tokens, which is full at first and is refilled steadily.
 * The buckets are this process's own, so that of several each lets through as much.
 */
export function rateLimit(deps: {
  readonly writes: Rate | null;
  readonly reads: Rate | null;
  readonly rateLimitKeyOf: RateLimitKeyOf;
}): MiddlewareHandler {
  const { rateLimitKeyOf } = deps;
  const writes = deps.writes && bucketsOf('writes', deps.writes);
  const reads = deps.reads && bucketsOf('reads', deps.reads);
  return (c, next) => {
    const take = c.req.method === 'GET' || c.req.method === 'HEAD' ? reads : writes;
    const asker = take === null ? null : rateLimitKeyOf(c);
    if (take !== null && asker !== null) take(c, asker);
    return next();
  };
}

/** Takes a token out of the asker's bucket, and says how it stands; refuses where there is none. */
function bucketsOf(name: string, { limit: many, seconds, burst }: Rate): (c: Context, asker: string) => void {
  const buckets = new LRUCache<string, TokenBucket>({ max: MAX_KEYS });
  const perSecond = many / seconds;
  // The draft of the IETF knows quotas and windows: a full bucket, and the time in which an empty one fills.
  const policy = `"${name}";q=${burst};w=${Math.ceil(burst / perSecond)}`;
  return (c, asker) => {
    let bucket = buckets.get(asker);
    if (bucket === undefined) {
      bucket = new TokenBucket({ bucketSize: burst, tokensPerInterval: many, interval: seconds * 1000 });
      bucket.content = burst;
      buckets.set(asker, bucket);
    }
    const isFree = bucket.tryRemoveTokens(1);
    const left = bucket.content;
    const { headers } = c.get('requestContext');
    headers['RateLimit-Policy'] = policy;
    headers['RateLimit'] = `"${name}";r=${Math.floor(left)};t=${Math.ceil((burst - left) / perSecond)}`;
    if (!isFree) throw new HttpFailure('rate_limited', { retryAfter: Math.ceil((1 - left) / perSecond) });
  };
}
