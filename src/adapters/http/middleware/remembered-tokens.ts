import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../application/ports/clock.ts';
import { bearerTokenIn, type Authenticate, type Authenticated } from './authentication.ts';

/** How long a verified token is accepted without another check of its signature, in milliseconds. */
const REMEMBERED_MS = 60_000;

/** The maximum number of remembered tokens, and of characters in the header of each: 20 MB together. */
const MAX_REMEMBERED = 10_000;
const MAX_LENGTH = 2_048;

/**
 * Remembers the callers of verified tokens for a minute, at most until the token expires. Clients send the same token with
 * many requests, and verifying a signature takes about as long as the rest of a small request. A key that the issuer
 * removes is therefore accepted up to a minute longer. Refused tokens are not remembered. A token is remembered once, however
 * its header is written: otherwise a client with one token could displace all others.
 */
export function withRememberedTokens(authenticate: Authenticate, clock: Pick<Clock, 'now'>): Authenticate {
  const remembered = new LRUCache<string, { readonly authenticated: Authenticated; readonly since: number }>({
    max: MAX_REMEMBERED,
  });

  return async (authorization) => {
    const token = tokenToRemember(authorization);
    if (token === null) return authenticate(authorization);
    const now = clock.now() / 1_000;
    const known = remembered.get(token);
    // After a step back of the clock, the signature is verified again.
    const isFresh = known !== undefined && now >= known.since && now < known.since + REMEMBERED_MS;
    if (isFresh && now < known.authenticated.expiresAt) return known.authenticated;
    remembered.delete(token);
    const authenticated = await authenticate(authorization);
    remembered.set(token, { authenticated, since: now });
    return authenticated;
  };
}

function tokenToRemember(authorization = ''): string | null {
  return authorization.length > MAX_LENGTH ? null : bearerTokenIn(authorization);
}
