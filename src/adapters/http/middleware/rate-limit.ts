import type { Context, MiddlewareHandler } from 'hono';
import { TokenBucket } from 'limiter';
import { LRUCache } from 'lru-cache';
import type { RateLimitKeyOf } from './rate-limit-key.ts';
import { HttpFailure } from '../problems.ts';

/** `limit` requests per `seconds`, with bursts of up to `burst` requests. */
export interface Rate {
  readonly limit: number;
  readonly seconds: number;
  readonly burst: number;
}

/**
 * The maximum number of buckets, for reads and for writes each. A key with its bucket takes about 240 bytes (measured with
 * 250,000 addresses on Node 20), so this is 24 MB each. The least recently used bucket is evicted.
 */
const MAX_KEYS = 100_000;

/**
 * Limits the request rate per key with token buckets. A new bucket is full. The buckets are local to the process, so n
 * processes allow n times the rate.
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
    const key = take === null ? null : rateLimitKeyOf(c);
    if (take !== null && key !== null) take(c, key);
    return next();
  };
}

/**
 * Returns a function that takes a token from the bucket of a key and sets the RateLimit headers. It throws `rate_limited`
 * if the bucket is empty.
 */
function bucketsOf(name: string, { limit, seconds, burst }: Rate): (c: Context, key: string) => void {
  const buckets = new LRUCache<string, TokenBucket>({ max: MAX_KEYS });
  const perSecond = limit / seconds;
  // The IETF draft has a quota (q) and a window (w): the size of the bucket, and the time in which an empty bucket fills.
  const policy = `"${name}";q=${burst};w=${Math.ceil(burst / perSecond)}`;
  return (c, key) => {
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket({ bucketSize: burst, tokensPerInterval: limit, interval: seconds * 1000 });
      bucket.content = burst;
      buckets.set(key, bucket);
    }
    const isAllowed = bucket.tryRemoveTokens(1);
    const left = bucket.content;
    const { headers } = c.get('requestContext');
    headers['RateLimit-Policy'] = policy;
    headers['RateLimit'] = `"${name}";r=${Math.floor(left)};t=${Math.ceil((burst - left) / perSecond)}`;
    if (!isAllowed) throw new HttpFailure('rate_limited', { retryAfter: Math.ceil((1 - left) / perSecond) });
  };
}
