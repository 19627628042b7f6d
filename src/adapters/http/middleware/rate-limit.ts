import type { Context, MiddlewareHandler } from 'hono';
import { TokenBucket } from 'limiter';
import { LRUCache } from 'lru-cache';
import { HttpFailure } from '../problems.ts';
import ipaddr from 'ipaddr.js';
import type { CallerOf } from './authentication.ts';

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

const { IPv4, IPv6 } = ipaddr;

/** The connection of a request, as far as the host exposes it. */
export interface Peer {
  /** The remote address of the connection, if known. */
  readonly remoteAddress?: string | undefined;
  /** Sends `100 Continue`. Undefined if the client does not wait for it. */
  readonly sendContinue?: (() => void) | undefined;
  /** Closes the connection at once. Undefined if the host cannot do this. */
  readonly destroy?: (() => void) | undefined;
}

/** The key under which a request is counted; null if it is not counted. */
export type RateLimitKeyOf = (c: Context) => string | null;

declare module 'hono' {
  interface ContextVariableMap {
    /** Returns the key whose share of memory and rate limits the request uses. */
    rateLimitKeyOf: RateLimitKeyOf;
  }
}

/** One key per user; requests of services are not counted. */
export function byCaller(callerOf: CallerOf): RateLimitKeyOf {
  return (c) => {
    const caller = callerOf(c);
    return caller.kind === 'user' ? caller.userId : null;
  };
}

/**
 * One key per address: the address of the connection, or the one that the outermost of `trustedProxies` proxies reported.
 * Earlier entries of `X-Forwarded-For` are written by the client and ignored, and so are entries that are not addresses.
 */
export function byAddress(trustedProxies: number): RateLimitKeyOf {
  return (c) => {
    const forwarded =
      trustedProxies > 0 ? c.req.header('X-Forwarded-For')?.split(',').at(-trustedProxies) : undefined;
    const peer = c.env as Peer | undefined;
    return networkIn(forwarded?.trim() ?? '') ?? networkIn(peer?.remoteAddress ?? '') ?? UNKNOWN;
  };
}

/** The common key of all clients with an unknown address, such as on workerd without `TRUSTED_PROXIES`. */
const UNKNOWN = '';

/** An address as proxies write it: IPv4 with an optional port, IPv6 in brackets with an optional port, or bare IPv6. */
const WRITTEN_ADDRESS =
  /^(?:([\d.]{7,15})(?::\d{1,5})?|\[([\da-f:.]{2,45})\](?::\d{1,5})?|([\da-f:.]{2,45})(?:%.{1,15})?)$/i;

/**
 * The key of the network of an address: the IPv4 address, or the /64 prefix of the IPv6 address, because a client usually
 * controls a whole /64. Null if `text` is not an address. The key has at most 19 characters, and is a new string that
 * does not keep `text` in memory.
 */
function networkIn(text: string): string | null {
  const [, ipv4, bracketed, bare] = WRITTEN_ADDRESS.exec(text) ?? [];
  if (ipv4 !== undefined) return IPv4.isValidFourPartDecimal(ipv4) ? IPv4.parse(ipv4).toString() : null;
  const ipv6 = bracketed ?? bare;
  if (ipv6 === undefined || !IPv6.isValid(ipv6)) return null;
  const address = IPv6.parse(ipv6);
  if (address.isIPv4MappedAddress()) return address.toIPv4Address().toString();
  return address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':');
}
