import type { Context } from 'hono';
import ipaddr from 'ipaddr.js';
import type { CallerOf } from './authentication.ts';

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
