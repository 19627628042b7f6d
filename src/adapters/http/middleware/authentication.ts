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

/** Algorithms by which both sides hold one secret. */
export const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;

/** Algorithms by which the issuer alone holds what signs. */
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
 * What signs tokens, and by which algorithms: a shared secret, or the keys of an issuer. The two have no algorithm in
 * common, so that a public key is never taken for a secret.
 */
export type Signatures =
  | { readonly secret: string; readonly algorithms: readonly SecretAlgorithm[] }
  | { readonly keys: KeySet; readonly algorithms: readonly KeyAlgorithm[] };

/** Which tokens are taken. */
export interface TokenRules {
  readonly signatures: Signatures;
  /** Whom a token must be of; null for whoever can sign it. */
  readonly issuer: string | null;
  /** Whom a token must be for; null for anyone. */
  readonly audience: string | null;
  /** How far the issuer's clock may differ from ours. */
  readonly toleranceSeconds: number;
}

/** The scope, or claim that is true, by which a token makes a service of its bearer. */
export const SERVICE_SCOPE = 'messenger:service';

/** Who sends a request, by a token that is taken up to `expiresAt`, in milliseconds since 1970. */
export interface Authenticated {
  readonly caller: Caller;
  readonly expiresAt: number;
}

/** Who sends a request with this `Authorization`. Rejects with an `HttpFailure`. */
export type Authenticate = (authorization: string | undefined) => Promise<Authenticated>;

declare module 'hono' {
  interface ContextVariableMap {
    /** Who sends the request, where callers are told apart. */
    caller: Caller;
    /** Until when, in milliseconds since 1970; undefined where callers are not told apart. */
    tokenExpiresAt: number | undefined;
  }
}

/** Who sends a request. */
export type CallerOf = (c: Context) => Caller;

/** Where callers are not told apart, everyone may act for everyone. */
export const trustedCaller: CallerOf = () => SERVICE;

/** The caller that `authenticationMiddleware` noted. */
export const callerFromContext: CallerOf = (c) => c.get('caller');

/** Notes on each request who sends it. */
export function authenticationMiddleware(authenticate: Authenticate): MiddlewareHandler {
  return async (c, next) => {
    const { caller, expiresAt } = await authenticate(c.req.header('Authorization'));
    c.set('caller', caller);
    c.set('tokenExpiresAt', expiresAt);
    await next();
  };
}

/** Tells callers by bearer tokens in the shape of a JWT. One without an end is not taken: it could never be revoked. */
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
    // RFC 9068 gives access tokens a type of their own, and many issuers give them none.
    if (!/^(?:application\/)?(?:at\+)?jwt$/i.test(header.typ ?? 'JWT')) refuse();
    return find(header, token);
  };

  return async (authorization) => {
    if (authorization === undefined) throw new HttpFailure('token_missing');
    const token = /^Bearer +([\w.-]+)$/i.exec(authorization)?.[1] ?? refuse();
    const now = deps.clock.now() / 1_000_000;
    try {
      const { payload } = await jwtVerify(token, keyFor, { ...options, currentDate: new Date(now * 1_000) });
      // jose compares the time of issue only where tokens have a maximum age.
      if ((payload.iat ?? 0) > now + toleranceSeconds) refuse();
      return { caller: callerOf(payload), expiresAt: ((payload.exp ?? 0) + toleranceSeconds) * 1_000 };
    } catch (error) {
      if (error instanceof HttpFailure) throw error;
      // The errors of jose may quote the token, and go nowhere.
      throw new HttpFailure(error instanceof errors.JWTExpired ? 'token_expired' : 'token_invalid');
    }
  };
}

/** A secret as the key of each of its algorithms. jose would import its bytes again for each token. */
function secretKeys({ secret, algorithms }: Exclude<Signatures, { keys: KeySet }>): JWTVerifyGetKey {
  const bytes = new TextEncoder().encode(secret);
  const keys = algorithms.map((alg) => {
    const hmac = { name: 'HMAC', hash: `SHA-${alg.slice(2)}` };
    return [alg, crypto.subtle.importKey('raw', bytes, hmac, false, ['verify'])] as const;
  });
  const byAlgorithm = new Map<string, Promise<CryptoKey>>(keys);
  return ({ alg }) => byAlgorithm.get(alg) ?? refuse();
}

/** A token must name its key, also where there is one alone. */
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
