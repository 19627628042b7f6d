import { makeAuthenticate, type Signatures } from '../adapters/http/middleware/authentication.ts';
import { ALLOW_ALL, type AccessPolicy } from '../adapters/http/middleware/access-policy.ts';
import { fetchedKeySet } from '../adapters/http/middleware/jwks.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Log } from '../application/ports/log.ts';
import type { AccessOptions, TokenOptions } from './access-config.ts';

/** The access policy of `options`. Logs a warning if authentication is off. */
export function openAccessPolicy(deps: {
  readonly options: AccessOptions;
  readonly clock: Clock;
  readonly log: Log;
}): AccessPolicy {
  const { options, clock, log } = deps;
  const { tokens, ...rest } = options;
  if (tokens === null) {
    log.warn({}, 'Authentication is off: every caller may act for every user. AUTH=jwt requires tokens.');
    return { ...ALLOW_ALL, ...rest };
  }
  const signatures = signaturesOf(tokens.signatures, log);
  return {
    ...rest,
    authenticate: makeAuthenticate({ rules: { ...tokens, signatures }, clock }),
    readinessProblems:
      'keys' in signatures ? () => signatures.keys.readinessProblems() : ALLOW_ALL.readinessProblems,
  };
}

function signaturesOf(given: TokenOptions['signatures'], log: Log): Signatures {
  return 'keys' in given && 'url' in given.keys
    ? { ...given, keys: fetchedKeySet({ url: given.keys.url, log }) }
    : (given as Signatures);
}
