import type { Context, MiddlewareHandler } from 'hono';
import {
  errors,
  jwtVerify,
  type CryptoKey,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose';
import type { Clock } from '../../../application/ports/clock.ts';
import { SERVICE, type Caller } from '../../../domain/caller.ts';
import { userIdFrom } from '../../../domain/ids.ts';
import type { KeySet } from './jwks.ts';
import { HttpFailure } from '../problems.ts';

/** Signature algorithms with a shared secret (HMAC). */
export const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;

/** Signature algorithms with a private key of the issuer. */
export const KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

type SecretAlgorithm = (typeof SECRET_ALGORITHMS)[number];
type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/**
 * How token signatures are verified: with a shared secret, or with the public keys of an issuer. The two cases have no
 * algorithm in common, so a public key cannot be used as an HMAC secret.
 */
export type Signatures =
  | { readonly secret: string; readonly algorithms: readonly SecretAlgorithm[] }
  | { readonly keys: KeySet; readonly algorithms: readonly KeyAlgorithm[] };

/** Which tokens are accepted. */
export interface TokenRules {
  readonly signatures: Signatures;
  /** The required `iss`; null to accept any. */
  readonly issuer: string | null;
  /** The required `aud`; null to accept any. */
  readonly audience: string | null;
  /** The allowed clock difference to the issuer. */
  readonly toleranceSeconds: number;
}

/** A token with this scope, or with this claim set to true, is that of a service. */
export const SERVICE_SCOPE = 'messenger:service';

/** The caller, and until when the token is accepted, in milliseconds since 1970. */
export interface Authenticated {
  readonly caller: Caller;
  readonly expiresAt: number;
}

/** Authenticates the caller by an `Authorization` header. Rejects with an `HttpFailure`. */
export type Authenticate = (authorization: string | undefined) => Promise<Authenticated>;

declare module 'hono' {
  interface ContextVariableMap {
    /** The authenticated caller; not set if authentication is off. */
    caller: Caller;
    /** When the token expires, in milliseconds since 1970; undefined if authentication is off. */
    tokenExpiresAt: number | undefined;
  }
}

/** The caller of a request. */
export type CallerOf = (c: Context) => Caller;

/** If authentication is off, every caller may act for every user. */
export const trustedCaller: CallerOf = () => SERVICE;

/** The caller that `authenticationMiddleware` has set. */
export const callerFromContext: CallerOf = (c) => c.get('caller');

/** Authenticates each request, and sets its caller in the context. */
export function authenticationMiddleware(authenticate: Authenticate): MiddlewareHandler {
  return async (c, next) => {
    const { caller, expiresAt } = await authenticate(c.req.header('Authorization'));
    c.set('caller', caller);
    c.set('tokenExpiresAt', expiresAt);
    await next();
  };
}

/** Authenticates by JWT bearer tokens. A token without `exp` is refused, because it would be valid forever. */
export function makeAuthenticate(deps: {
  readonly rules: TokenRules;
  readonly clock: Pick<Clock, 'now'>;
}): Authenticate {
  const { signatures, issuer, audience, toleranceSeconds } = deps.rules;
  const find = 'keys' in signatures ? namedKeys(signatures.keys) : secretKeys(signatures);
  const options: JWTVerifyOptions = {
    algorithms: [...signatures.algorithms],
    requiredClaims: ['exp'],
    clockTolerance: toleranceSeconds,
    ...(issuer !== null && { issuer }),
    ...(audience !== null && { audience }),
  };
  const keyFor: JWTVerifyGetKey = (header, token) => {
    // RFC 9068 defines the type at+jwt for access tokens; many issuers set no type.
    if (!/^(?:application\/)?(?:at\+)?jwt$/i.test(header.typ ?? 'JWT')) refuse();
    return find(header, token);
  };

  return async (authorization) => {
    if (authorization === undefined) throw new HttpFailure('token_missing');
    const token = bearerTokenIn(authorization) ?? refuse();
    const now = deps.clock.now() / 1_000_000;
    try {
      const { payload } = await jwtVerify(token, keyFor, { ...options, currentDate: new Date(now * 1_000) });
      // jose checks `iat` only if a maximum token age is set.
      if ((payload.iat ?? 0) > now + toleranceSeconds) refuse();
      return { caller: callerOf(payload), expiresAt: ((payload.exp ?? 0) + toleranceSeconds) * 1_000 };
    } catch (error) {
      if (error instanceof HttpFailure) throw error;
      // Errors of jose may contain the token, so they are dropped.
      throw new HttpFailure(error instanceof errors.JWTExpired ? 'token_expired' : 'token_invalid');
    }
  };
}

/** The token in an `Authorization` header; null if it has none. */
export function bearerTokenIn(authorization: string): string | null {
  return /^Bearer +([\w.-]+)$/i.exec(authorization)?.[1] ?? null;
}

/** The secret, imported once per algorithm. jose would import the bytes again for each token. */
function secretKeys({ secret, algorithms }: Exclude<Signatures, { keys: KeySet }>): JWTVerifyGetKey {
  const bytes = new TextEncoder().encode(secret);
  const keys = algorithms.map((alg) => {
    const hmac = { name: 'HMAC', hash: `SHA-${alg.slice(2)}` };
    return [alg, crypto.subtle.importKey('raw', bytes, hmac, false, ['verify'])] as const;
  });
  const byAlgorithm = new Map<string, Promise<CryptoKey>>(keys);
  return ({ alg }) => byAlgorithm.get(alg) ?? refuse();
}

/** A token must name its key (`kid`), even if the set contains only one key. */
function namedKeys(keys: KeySet): JWTVerifyGetKey {
  return (header, token) => (typeof header.kid === 'string' ? keys.find(header, token) : refuse());
}

function refuse(): never {
  throw new HttpFailure('token_invalid');
}

function callerOf(payload: JWTPayload): Caller {
  const { sub, scope } = payload;
  const scopes = typeof scope === 'string' ? scope.split(' ') : [];
  if (scopes.includes(SERVICE_SCOPE) || payload[SERVICE_SCOPE] === true) return SERVICE;
  const userId = typeof sub === 'string' ? userIdFrom(sub) : null;
  return userId === null ? refuse() : { kind: 'user', userId };
}
