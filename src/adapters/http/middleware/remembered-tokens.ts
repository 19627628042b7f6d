import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../application/ports/clock.ts';
import type { Authenticate, Authenticated } from './authentication.ts';

/** How long a verified token is accepted without another check of its signature, in milliseconds. */
const REMEMBERED_MS = 60_000;

/** The maximum number of remembered headers, and of characters in each: 20 MB together. */
const MAX_REMEMBERED = 10_000;
const MAX_LENGTH = 2_048;

/**
 * Remembers the callers of verified tokens for a minute, at most until the token expires. Clients send the same token with
 * many requests, and verifying a signature takes about as long as the rest of a small request. A key that the issuer
 * removes is therefore accepted up to a minute longer. Refused tokens are not remembered.
 */
export function withRememberedTokens(authenticate: Authenticate, clock: Pick<Clock, 'now'>): Authenticate {
  const remembered = new LRUCache<string, { readonly authenticated: Authenticated; readonly since: number }>({
    max: MAX_REMEMBERED,
  });

  return async (authorization) => {
    const now = clock.now() / 1_000;
    const known = authorization === undefined ? undefined : remembered.get(authorization);
    // After a step back of the clock, the signature is verified again.
    const isFresh = known !== undefined && now >= known.since && now < known.since + REMEMBERED_MS;
    if (isFresh && now < known.authenticated.expiresAt) return known.authenticated;
    const authenticated = await authenticate(authorization);
    if (authorization !== undefined && authorization.length <= MAX_LENGTH) {
      remembered.set(authorization, { authenticated, since: now });
    }
    return authenticated;
  };
}
