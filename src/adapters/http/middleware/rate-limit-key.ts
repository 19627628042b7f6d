import type { Context } from 'hono';
import ipaddr from 'ipaddr.js';
import type { CallerOf } from './authentication.ts';

const { IPv4, IPv6 } = ipaddr;

/** What a host tells of where a request comes from. */
export interface Peer {
  /** The address at the other end of the connection, where there is one. */
  readonly remoteAddress?: string | undefined;
  /** Tells a client that waits for `100 Continue` to send the body. Undefined where none waits. */
  readonly sendContinue?: (() => void) | undefined;
  /** Cuts the connection. Undefined where the host can't. */
  readonly destroy?: (() => void) | undefined;
}

/** Whose requests count together; null for one whose requests are not counted. */
export type RateLimitKeyOf = (c: Context) => string | null;

declare module 'hono' {
  interface ContextVariableMap {
    /** Whose share of this process's memory and time the request takes. */
    rateLimitKeyOf: RateLimitKeyOf;
  }
}

/** Each user counts for themselves; a service that acts for them all is not counted. */
export function byCaller(callerOf: CallerOf): RateLimitKeyOf {
  return (c) => {
    const caller = callerOf(c);
    return caller.kind === 'user' ? caller.userId : null;
  };
}

/**
 * Each address counts for itself: that of the connection, or the one that the outermost of so many trusted proxies
 * saw. Everything before that in `X-Forwarded-For` is the client's own text, and so is an entry that is no address.
 */
export function byAddress(trustedProxies: number): RateLimitKeyOf {
  return (c) => {
    const forwarded =
      trustedProxies > 0 ? c.req.header('X-Forwarded-For')?.split(',').at(-trustedProxies) : undefined;
    const peer = c.env as Peer | undefined;
    return networkIn(forwarded?.trim() ?? '') ?? networkIn(peer?.remoteAddress ?? '') ?? UNKNOWN;
  };
}

/** The key of everyone whose address is not known, as at the edge without `TRUSTED_PROXIES`. */
const UNKNOWN = '';

/** An address as proxies write it: IPv4 with or without a port, IPv6 in brackets with or without one, or bare. */
const WRITTEN_ADDRESS =
  /^(?:([\d.]{7,15})(?::\d{1,5})?|\[([\da-f:.]{2,45})\](?::\d{1,5})?|([\da-f:.]{2,45})(?:%.{1,15})?)$/i;

/**
 * The network that `text` is an address of, or null where it is no address: an IPv4 address, or the first half of an
 * IPv6 address, because whoever has one address has all that begin like it. Each network has one key, of at most 19
 * characters, that holds on to nothing of `text`.
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
