import { makeAuthenticate, type Signatures } from '../adapters/http/authentication.ts';
import { OPEN_GATE, type Gate } from '../adapters/http/gate.ts';
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
    return { ...OPEN_GATE, ...rest };
  }
  const signatures = signaturesOf(tokens.signatures, log);
  return {
    ...rest,
    authenticate: makeAuthenticate({ rules: { ...tokens, signatures }, clock }),
    readinessProblems:
      'keys' in signatures ? () => signatures.keys.readinessProblems() : OPEN_GATE.readinessProblems,
  };
}

function signaturesOf(given: TokenOptions['signatures'], log: Log): Signatures {
  return 'keys' in given && 'url' in given.keys
    ? { ...given, keys: fetchedKeySet({ url: given.keys.url, log }) }
    : (given as Signatures);
}
