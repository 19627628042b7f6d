import { z } from '@hono/zod-openapi';
import type { Log } from '../../../application/ports/log.ts';
import { HttpFailure } from '../problems.ts';

/** Public keys by which an issuer's tokens are checked. */
export interface KeySet {
  /** The key of this name, or null. Rejects with `keys_unavailable` where that can't be told for now. */
  find(kid: string): Promise<Key | null>;
  /** Why no token can be checked now, in sentences for any reader; empty where tokens can be. Never rejects. */
  readinessProblems(): Promise<readonly string[]>;
}

/** A JSON Web Key (RFC 7517). What a key of its kind must have beyond its name is found out by its use. */
export interface Key {
  readonly kid: string;
  readonly kty: string;
  readonly [member: string]: unknown;
}

/** For how long keys are taken as they were fetched, and for how long at most while the issuer can't be reached. */
const FRESH_MS = 10 * 60 * 1000;
const KEPT_MS = 60 * 60 * 1000;

/** How long until the issuer is asked again, also for a name that is unknown: anyone may make up names. */
const AGAIN_MS = 10 * 1000;

const FETCH_WITHIN_MS = 2_000;

const JwkSet = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })) });

/** The keys in the text of a JSON Web Key Set, by name; those without one are left out. Throws where it is none. */
function keysIn(text: string): ReadonlyMap<string, Key> {
  const { keys } = JwkSet.parse(JSON.parse(text));
  return new Map(keys.flatMap(({ kid, ...key }) => (kid === undefined ? [] : [[kid, { ...key, kid }]])));
}

/** The keys in `text`, for ever; null where it is no JSON Web Key Set with a key that has a name. */
export function fixedKeySet(text: string): KeySet | null {
  try {
    const keys = keysIn(text);
    if (keys.size === 0) return null;
    return {
      find: (kid) => Promise.resolve(keys.get(kid) ?? null),
      readinessProblems: () => Promise.resolve([]),
    };
  } catch {
    return null;
  }
}

/** The keys at `url`, fetched when they are first asked for, and again when they are old or one is not among them. */
export function fetchedKeySet(deps: {
  readonly url: string;
  readonly log: Log;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds since some start. */
  readonly now?: () => number;
}): KeySet {
  const { url, log, fetch = globalThis.fetch, now = () => performance.now() } = deps;
  let keys: ReadonlyMap<string, Key> = new Map();
  let fetchedAt = -Infinity;
  let triedAt = -Infinity;
  let fetching: Promise<void> | null = null;

  const load = async (): Promise<void> => {
    triedAt = now();
    try {
      // A redirect is no answer: the address in the configuration is the one that is trusted.
      const init: RequestInit = { redirect: 'manual', signal: AbortSignal.timeout(FETCH_WITHIN_MS) };
      const response = await fetch(url, init);
      const text = await response.text();
      if (!response.ok) throw new Error(`The answer was a ${response.status}.`);
      keys = keysIn(text);
      fetchedAt = triedAt;
    } catch (error) {
      log.warn({ err: error }, 'The keys of the issuer of tokens could not be fetched.');
    }
  };

  /** Asks the issuer, unless that was done just now; resolves when it has answered. */
  const refresh = (): Promise<void> => {
    if (fetching === null && now() - triedAt >= AGAIN_MS) {
      fetching = load().finally(() => {
        fetching = null;
      });
    }
    return fetching ?? Promise.resolve();
  };

  return {
    async find(kid) {
      const age = now() - fetchedAt;
      if (age >= FRESH_MS || !keys.has(kid)) {
        const refreshed = refresh();
        // A key that is known serves on meanwhile.
        if (age >= KEPT_MS || !keys.has(kid)) await refreshed;
      }
      if (now() - fetchedAt >= KEPT_MS) throw new HttpFailure('keys_unavailable');
      const key = keys.get(kid) ?? null;
      // It may be one that the issuer took on since.
      if (key === null && fetchedAt < triedAt) throw new HttpFailure('keys_unavailable');
      return key;
    },

    async readinessProblems() {
      const canCheck = (): boolean => keys.size > 0 && now() - fetchedAt < KEPT_MS;
      if (!canCheck()) await refresh();
      return canCheck() ? [] : ['No token can be checked: the keys of the issuer could not be fetched.'];
    },
  };
}
