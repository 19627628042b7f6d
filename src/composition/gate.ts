import { makeAuthenticate, type Authenticate, type Signatures } from '../adapters/http/authentication.ts';
import type { Gate } from '../adapters/http/gate.ts';
import { fetchedKeySet } from '../adapters/http/key-set.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Log } from '../application/ports/log.ts';
import type { GateOptions, TokenOptions } from './gate-config.ts';

/** The gate of `options`. It says so where it is open. */
export function openGate(needs: {
  readonly options: GateOptions;
  readonly clock: Clock;
  readonly log: Log;
}): Gate {
  const { options, clock, log } = needs;
  const { tokens, ...rest } = options;
  if (tokens === null) {
    log.warn({}, 'Callers are not told apart: everyone may act for every user. AUTH=jwt asks for tokens.');
    return { ...rest, authenticate: null };
  }
  return { ...rest, authenticate: authenticateBy({ tokens, clock, log }) };
}

function authenticateBy(needs: {
  readonly tokens: TokenOptions;
  readonly clock: Clock;
  readonly log: Log;
}): Authenticate {
  const { tokens, clock, log } = needs;
  const { signatures: given } = tokens;
  const signatures: Signatures =
    'keys' in given && 'url' in given.keys
      ? { ...given, keys: fetchedKeySet({ url: given.keys.url, log }) }
      : (given as Signatures);
  return makeAuthenticate({ rules: { ...tokens, signatures }, clock });
}
