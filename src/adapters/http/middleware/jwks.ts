import { createLocalJWKSet, errors, flattenedVerify, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Log } from '../../../application/ports/log.ts';
import { HttpFailure } from '../problems.ts';

/** Public keys by which an issuer's tokens are checked. */
export interface KeySet {
  /**
   * The key that a token names by its `kid`. Rejects with `keys_unavailable` where that is unknown for now, and with
   * jose's `JWKSNoMatchingKey` where there is none.
   */
  readonly find: JWTVerifyGetKey;
  /** Why no token can be checked now, in sentences for any reader; empty where tokens can be. Never rejects. */
  readonly readinessProblems: () => Promise<readonly string[]>;
}

/** The age at which keys are fetched again, and up to which they are used while the issuer can't be reached. */
const FRESH_MS = 10 * 60 * 1000;
const KEPT_MS = 60 * 60 * 1000;

/** The least time between two fetches, also for a name that is unknown: anyone may make up names. */
const AGAIN_MS = 10 * 1000;

const FETCH_WITHIN_MS = 2_000;
const MAX_BYTES = 256 * 1024;

/** The keys in the text of a JSON Web Key Set (RFC 7517), and how many have a name (`kid`). Throws where it is none. */
function keysIn(text: string): { readonly find: JWTVerifyGetKey; readonly named: number } {
  const matching = createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
  const find: JWTVerifyGetKey = async (header, token) => {
    try {
      return await matching(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // Keys may share a name: the key is the one that verifies the token.
      for await (const key of error) {
        if (await flattenedVerify(token, key).catch(() => null)) return key;
      }
      throw error;
    }
  };
  return { find, named: matching.jwks().keys.filter(({ kid }) => typeof kid === 'string').length };
}

/** The keys in `text`, for ever; null where it is no JSON Web Key Set with a key that has a name. */
export function fixedKeySet(text: string): KeySet | null {
  try {
    const { find, named } = keysIn(text);
    return named === 0 ? null : { find, readinessProblems: () => Promise.resolve([]) };
  } catch {
    return null;
  }
}

/**
 * The keys at `url`, fetched when they are first needed, and again when they are old or one is missing. Unlike those of
 * jose's `createRemoteJWKSet`, known keys are used while a fetch fails, failed fetches back off, and answers bounded.
 */
export function fetchedKeySet(deps: {
  readonly url: string;
  readonly log: Log;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds since some start. */
  readonly now?: () => number;
}): KeySet {
  const { url, log, fetch = globalThis.fetch, now = () => performance.now() } = deps;
  let keys = keysIn('{"keys":[]}');
  let fetchedAt = -Infinity;
  let triedAt = -Infinity;
  let fetching = Promise.resolve();

  const load = async (begun: number): Promise<void> => {
    try {
      // Redirects are not followed: only the configured address is trusted.
      const init: RequestInit = { redirect: 'manual', signal: AbortSignal.timeout(FETCH_WITHIN_MS) };
      keys = keysIn(await textOf(await fetch(url, init)));
      fetchedAt = begun;
    } catch (error) {
      log.warn({ err: error }, 'The keys of the issuer of tokens could not be fetched.');
    }
  };

  /** Fetches the keys, unless that was begun just now; resolves when the fetch has ended. */
  const refresh = (): Promise<void> => {
    if (now() - triedAt >= AGAIN_MS) {
      triedAt = now();
      fetching = load(triedAt);
    }
    return fetching;
  };

  const isExpired = (): boolean => now() - fetchedAt >= KEPT_MS;

  return {
    async find(header, token) {
      const refreshed = now() - fetchedAt >= FRESH_MS ? refresh() : null;
      // Keys that are known are used meanwhile.
      if (isExpired()) await refreshed;
      if (isExpired()) throw new HttpFailure('keys_unavailable');
      try {
        return await keys.find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refresh();
        // The issuer may have added the key since the last fetch that succeeded.
        if (fetchedAt < triedAt) throw new HttpFailure('keys_unavailable');
        return keys.find(header, token);
      }
    },

    async readinessProblems() {
      const canCheck = (): boolean => !isExpired() && keys.named > 0;
      if (!canCheck()) await refresh();
      return canCheck() ? [] : ['No token can be checked: the keys of the issuer could not be fetched.'];
    },
  };
}

/** The text of an answer. Rejects where it is no success, or has more than `MAX_BYTES`. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  // An error in the loop cancels the rest of the body.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`The answer has more than ${MAX_BYTES} bytes.`);
    text += decoder.decode(chunk, { stream: true });
  }
  if (!response.ok) throw new Error(`The answer was a ${response.status}.`);
  return text;
}
