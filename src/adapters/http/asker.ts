import type { Context } from 'hono';
import { expandIPv6 } from 'hono/utils/ipaddr';
import type { CallerOf } from './authentication.ts';

/** What a host tells of where a request comes from. */
export interface Peer {
  /** The address at the other end of the connection, where there is one. */
  readonly remoteAddress?: string | undefined;
}

/** Whose requests count together; null for one whose requests are not counted. */
export type AskerOf = (c: Context) => string | null;

/** Each user counts for themselves; a service that acts for them all is not counted. */
export function byCaller(callerOf: CallerOf): AskerOf {
  return (c) => {
    const caller = callerOf(c);
    return caller.kind === 'user' ? caller.userId : null;
  };
}

/**
 * Each address counts for itself: that of the connection, or the one that the outermost of so many trusted proxies
 * saw. What else stands in `X-Forwarded-For` is whatever a client likes.
 */
export function byAddress(trustedProxies: number): AskerOf {
  return (c) => {
    const forwarded =
      trustedProxies > 0 ? c.req.header('X-Forwarded-For')?.split(',').at(-trustedProxies) : undefined;
    const peer = c.env as Peer | undefined;
    return networkOf(forwarded?.trim() ?? peer?.remoteAddress ?? '');
  };
}

/** An address of IPv4; of IPv6 the first half, since whoever has one address has all that begin like it. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const inIPv6 = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  return inIPv6 ?? expandIPv6(address).slice(0, '0000:0000:0000:0000'.length);
}
