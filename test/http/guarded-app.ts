import { sign } from 'hono/jwt';
import { makeAuthenticate } from '../../src/adapters/http/middleware/authentication.ts';
import { ALLOW_ALL } from '../../src/adapters/http/middleware/access-policy.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import type { Dependencies } from '../../src/composition/container.ts';
import { registerSecret } from '../support/log-leak-guard.ts';
import type { Fetch } from './client.ts';
import { openApp } from './open-app.ts';

export const SECRET = 'a secret of tests, and of at least thirty-two bytes';

/** The messenger with authentication. */
export interface Guarded {
  /** Requests of a user. */
  readonly as: (userId: string) => Fetch;
  /** Requests of a service, which may act for every user. */
  readonly service: Fetch;
  /** Unchanged requests, without a token. */
  readonly anyone: Fetch;
}

/** A token with these claims, valid for an hour. */
export function tokenOf(claims: Record<string, unknown>, secret = SECRET): Promise<string> {
  return sign({ exp: Math.floor(Date.now() / 1000) + 3600, ...claims }, secret, 'HS256');
}

/** `fetch` with tokens for users and services. */
export function guarded(fetch: Fetch): Guarded {
  const bearing =
    (claims: Record<string, unknown>): Fetch =>
    async (request) => {
      const token = await tokenOf(claims);
      registerSecret(token, claims['sub']);
      request.headers.set('Authorization', `Bearer ${token}`);
      return fetch(request);
    };
  return {
    as: (sub) => bearing({ sub }),
    service: bearing({ sub: 'backend', scope: 'messages messenger:service' }),
    anyone: fetch,
  };
}

/** The dependency with authentication by tokens. */
export function guardedAccess(): Pick<Dependencies, 'accessPolicy'> {
  const rules = {
    signatures: { secret: SECRET, algorithms: ['HS256' as const] },
    issuer: null,
    audience: null,
    toleranceSeconds: 30,
  };
  return { accessPolicy: { ...ALLOW_ALL, authenticate: makeAuthenticate({ rules, clock: makeClock() }) } };
}

/** The app with authentication. */
export function openGuardedApp(changed: Partial<Dependencies> = {}) {
  return openApp({ ...guardedAccess(), ...changed });
}
