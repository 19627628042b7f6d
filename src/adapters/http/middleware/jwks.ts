import { createLocalJWKSet, errors, flattenedVerify, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Log } from '../../../application/ports/log.ts';
import { HttpFailure } from '../problems.ts';

/** The public keys of a token issuer. */
export interface KeySet {
  /**
   * The key with the `kid` of a token. Rejects with jose's `JWKSNoMatchingKey` if the key does not exist, and with
   * `keys_unavailable` if this cannot be determined now.
   */
  readonly find: JWTVerifyGetKey;
  /** Why tokens cannot be verified now, one sentence per reason, without secrets; otherwise empty. Never rejects. */
  readonly readinessProblems: () => Promise<readonly string[]>;
}

/**
 * Keys are fetched again at the age of `REFRESH_AFTER_MS`. While the issuer is unreachable they are used up to
 * `EXPIRE_AFTER_MS`.
 */
const REFRESH_AFTER_MS = 10 * 60 * 1000;
const EXPIRE_AFTER_MS = 60 * 60 * 1000;

/** The minimum time between two fetches. It also bounds fetches for unknown `kid`s, which anyone can invent. */
const MIN_FETCH_INTERVAL_MS = 10 * 1000;

const FETCH_TIMEOUT_MS = 2_000;
const MAX_BYTES = 256 * 1024;

/** The keys in a JSON Web Key Set (RFC 7517), and how many of them have a `kid`. Throws if `text` is not a key set. */
function keysIn(text: string): { readonly find: JWTVerifyGetKey; readonly named: number } {
  const matching = createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
  const find: JWTVerifyGetKey = async (header, token) => {
    try {
      return await matching(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // Several keys may have the same `kid`: use the one that verifies the token.
      for await (const key of error) {
        if (await flattenedVerify(token, key).catch(() => null)) return key;
      }
      throw error;
    }
  };
  return { find, named: matching.jwks().keys.filter(({ kid }) => typeof kid === 'string').length };
}

/** A fixed key set from `text`; null if it is not a JSON Web Key Set, or no key has a `kid`. */
export function fixedKeySet(text: string): KeySet | null {
  try {
    const { find, named } = keysIn(text);
    return named === 0 ? null : { find, readinessProblems: () => Promise.resolve([]) };
  } catch {
    return null;
  }
}

/**
 * The key set at `url`. It is fetched at first use, and again if it is old or a key is missing. Unlike with jose's
 * `createRemoteJWKSet`, known keys stay in use while fetches fail, failed fetches back off, and responses are bounded in
 * size.
 */
export function fetchedKeySet(deps: {
  readonly url: string;
  readonly log: Log;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number;
}): KeySet {
  const { url, log, fetch = globalThis.fetch, now = () => performance.now() } = deps;
  let keys = keysIn('{"keys":[]}');
  let fetchedAt = -Infinity;
  let lastAttemptAt = -Infinity;
  let fetching = Promise.resolve();

  const load = async (startedAt: number): Promise<void> => {
    try {
      // Redirects are not followed: only the configured address is trusted.
      const init: RequestInit = { redirect: 'manual', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) };
      keys = keysIn(await textOf(await fetch(url, init)));
      fetchedAt = startedAt;
    } catch (error) {
      log.warn({ err: error }, 'Fetching the keys of the token issuer failed.');
    }
  };

  /** Starts a fetch, unless the last one started less than `MIN_FETCH_INTERVAL_MS` ago; resolves when the last one ends. */
  const refresh = (): Promise<void> => {
    if (now() - lastAttemptAt >= MIN_FETCH_INTERVAL_MS) {
      lastAttemptAt = now();
      fetching = load(lastAttemptAt);
    }
    return fetching;
  };

  const isExpired = (): boolean => now() - fetchedAt >= EXPIRE_AFTER_MS;

  return {
    async find(header, token) {
      const refreshed = now() - fetchedAt >= REFRESH_AFTER_MS ? refresh() : null;
      // Known keys stay in use during a fetch; only expired ones wait for it.
      if (isExpired()) await refreshed;
      if (isExpired()) throw new HttpFailure('keys_unavailable');
      try {
        return await keys.find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refresh();
        // The issuer may have added the key since the last fetch that succeeded.
        if (fetchedAt < lastAttemptAt) throw new HttpFailure('keys_unavailable');
        return keys.find(header, token);
      }
    },

    async readinessProblems() {
      const canCheck = (): boolean => !isExpired() && keys.named > 0;
      if (!canCheck()) await refresh();
      return canCheck()
        ? []
        : ['Tokens cannot be verified: the keys of the token issuer could not be fetched.'];
    },
  };
}

/** The body of a successful response. Rejects if the status is an error, or if the body exceeds `MAX_BYTES`. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  // An error in the loop cancels the rest of the body.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`The response exceeds ${MAX_BYTES} bytes.`);
    text += decoder.decode(chunk, { stream: true });
  }
  if (!response.ok) throw new Error(`The status of the response is ${response.status}.`);
  return text;
}
