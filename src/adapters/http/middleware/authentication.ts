import type { Context, MiddlewareHandler } from 'hono';
import { decode, verify, verifyWithJwks } from 'hono/jwt';
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
  const { rules, clock } = deps;
  const verified = verifierOf(rules.signatures);
  const claims: Claims = {
    ...(rules.issuer !== null && { iss: rules.issuer }),
    ...(rules.audience !== null && { aud: rules.audience }),
    // Hono's have no tolerance for clocks: times are looked at below.
    exp: false,
    nbf: false,
    iat: false,
  };

  return async (authorization) => {
    if (authorization === undefined) throw new HttpFailure('token_missing');
    const token = /^Bearer +([\w.-]+)$/i.exec(authorization)?.[1];
    if (token === undefined) throw new HttpFailure('token_invalid');
    const header = headerOf(token);
    // RFC 9068 gives access tokens a type of their own, and many issuers give them none.
    const types = header.typ === undefined ? {} : { typ: ['JWT', 'at+jwt'] };
    const payload = await verified(token, header, { ...claims, ...types });
    const expires = requireCurrent(payload, clock.now() / 1_000_000, rules.toleranceSeconds);
    return { caller: callerOf(payload), expiresAt: (expires + rules.toleranceSeconds) * 1_000 };
  };
}

type Claims = NonNullable<Parameters<typeof verifyWithJwks>[1]['verification']>;
type Payload = Awaited<ReturnType<typeof verify>>;
type Header = Readonly<Partial<Record<'alg' | 'kid' | 'typ', unknown>>>;

function headerOf(token: string): Header {
  try {
    const { alg, kid, typ }: Header = decode(token).header;
    return { alg, kid, typ };
  } catch {
    // No JWT at all.
    return refuse();
  }
}

type Verify = (token: string, header: Header, claims: Claims) => Promise<Payload>;

/** Checks what a token is signed with, and whom it is of and for. */
function verifierOf(signatures: Signatures): Verify {
  if ('secret' in signatures) {
    const { secret, algorithms } = signatures;
    // As text, a secret that looks like a PEM file would be read as one.
    const keys = algorithms.map((alg) => ({ alg, key: secretKey(secret, alg) }));
    return async (token, header, claims) => {
      const found = keys.find(({ alg }) => alg === header.alg);
      if (found === undefined) throw new HttpFailure('token_invalid');
      return verify(token, await found.key, { ...claims, alg: found.alg }).catch(refuse);
    };
  }
  const { keys, algorithms } = signatures;
  return async (token, { alg, kid }, claims) => {
    // Looked at first, so that nobody is asked for the key of a token that is not taken anyway.
    const isTaken = algorithms.some((taken) => taken === alg);
    const key = isTaken && typeof kid === 'string' ? await keys.find(kid) : null;
    if (key === null) throw new HttpFailure('token_invalid');
    const options = { keys: [key], allowedAlgorithms: algorithms, verification: claims };
    return verifyWithJwks(token, options).catch(refuse);
  };
}

function secretKey(secret: string, algorithm: SecretAlgorithm) {
  const hmac = { name: 'HMAC', hash: `SHA-${algorithm.slice(2)}` };
  return crypto.subtle.importKey('raw', new TextEncoder().encode(secret), hmac, false, ['verify']);
}

/** The errors of a check quote the token, and go nowhere. */
function refuse(): never {
  throw new HttpFailure('token_invalid');
}

/** Refuses what has expired, or is not to be taken yet, at `now`, in seconds. Gives when it expires. */
function requireCurrent({ exp, nbf, iat }: Payload, now: number, tolerance: number): number {
  const begins = [nbf, iat].filter((time) => time !== undefined);
  if (!isTime(exp) || !begins.every((time) => isTime(time) && time <= now + tolerance)) refuse();
  if (exp <= now - tolerance) throw new HttpFailure('token_expired');
  return exp;
}

function isTime(claim: unknown): claim is number {
  return Number.isFinite(claim);
}

function callerOf(payload: Payload): Caller {
  const { sub, scope } = payload;
  const scopes = typeof scope === 'string' ? scope.split(' ') : [];
  if (scopes.includes(SERVICE_SCOPE) || payload[SERVICE_SCOPE] === true) return SERVICE;
  const userId = typeof sub === 'string' ? userIdFrom(sub) : null;
  return userId === null ? refuse() : { kind: 'user', userId };
}
