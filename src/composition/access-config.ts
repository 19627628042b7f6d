import { z } from 'zod';
import {
  KEY_ALGORITHMS,
  SECRET_ALGORITHMS,
  makeAuthenticate,
  type Signatures,
} from '../adapters/http/middleware/authentication.ts';
import { fixedKeySet, type KeySet, fetchedKeySet } from '../adapters/http/middleware/jwks.ts';
import type { Rate } from '../adapters/http/middleware/rate-limit.ts';
import { listOf, oneOf, secretFile, wholeNumber } from './setting-types.ts';
import { ALLOW_ALL, type AccessPolicy } from '../adapters/http/middleware/access-policy.ts';
import { withRememberedTokens } from '../adapters/http/middleware/remembered-tokens.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Log } from '../application/ports/log.ts';

type SecretAlgorithm = (typeof SECRET_ALGORITHMS)[number];
type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** How tokens are verified: with a secret, or with the keys of a file or a URL. */
type SignatureOptions =
  | { readonly secret: string; readonly algorithms: readonly SecretAlgorithm[] }
  | { readonly keys: KeySet | { readonly url: string }; readonly algorithms: readonly KeyAlgorithm[] };

export interface TokenOptions {
  readonly signatures: SignatureOptions;
  readonly issuer: string | null;
  readonly audience: string | null;
  readonly toleranceSeconds: number;
}

/** The options of authentication, rate limits, proxies and CORS. */
export interface AccessOptions {
  /** Null if authentication is off. */
  readonly tokens: TokenOptions | null;
  readonly rateLimits: { readonly writes: Rate | null; readonly reads: Rate | null };
  readonly trustedProxies: number;
  readonly corsOrigins: readonly string[];
}

/** The schema of the access variables. `accessOptions` checks their combinations. */
export function accessSettings(readText: (path: string) => string) {
  return z.object({
    AUTH: oneOf(['none', 'jwt'])
      .prefault('none')
      .describe(
        '`none`: no authentication, every caller may act for every user; `jwt`: bearer tokens are required',
      ),
    AUTH_ALLOW_NONE: oneOf(['true', 'false'])
      .prefault('false')
      .describe('`true` allows `AUTH=none` where `NODE_ENV` is `production`'),
    AUTH_SECRET: z
      .string()
      .optional()
      .describe('secret that signs the tokens; with `AUTH=jwt`, set exactly one of this and the next three'),
    AUTH_SECRET_FILE: secretFile(readText).optional().describe('path of a file with the secret'),
    AUTH_JWKS_URL: jwksUrl().optional().describe('URL of the key set (JWKS) of the token issuer'),
    AUTH_JWKS_FILE: jwksFile(readText).optional().describe('path of a file with the key set'),
    AUTH_ISSUER: z.string().optional().describe('required `iss` of every token; must be set with a key set'),
    AUTH_AUDIENCE: z
      .string()
      .optional()
      .describe('required `aud` of every token; must be set with a key set'),
    AUTH_ALGORITHMS: listOf(oneOf([...SECRET_ALGORITHMS, ...KEY_ALGORITHMS]))
      .optional()
      .describe(
        'accepted signature algorithms, separated by commas; by default HS256 with a secret, RS256 and ES256 with a key set',
      ),
    AUTH_CLOCK_TOLERANCE_S: wholeNumber(0, 300)
      .prefault('30')
      .describe('allowed clock difference to the token issuer, in seconds'),
    RATE_LIMIT_WRITES: rate()
      .optional()
      .describe(
        'rate limit of writes per user, or per address without `AUTH`: `10/s:50` is ten a second with bursts of fifty; if unset, no limit',
      ),
    RATE_LIMIT_READS: rate().optional().describe('rate limit of reads, in the same form'),
    TRUSTED_PROXIES: wholeNumber(0, 10)
      .prefault('0')
      .describe('number of reverse proxies that append to `X-Forwarded-For`; 0 ignores the header'),
    CORS_ORIGINS: listOf(origin())
      .optional()
      .describe(
        'origins whose web pages may call the API, separated by commas, such as `https://chat.example`; if unset, none',
      ),
  });
}

type AccessSettings = z.output<ReturnType<typeof accessSettings>>;

/** The options of `settings`. Calls `complain` for each variable that is missing, contradicts another one or has no effect. */
export function accessOptions(
  settings: AccessSettings,
  reportError: (name: keyof AccessSettings, what: string) => void,
): AccessOptions {
  return {
    tokens: tokenOptions(settings, reportError),
    rateLimits: { writes: settings.RATE_LIMIT_WRITES ?? null, reads: settings.RATE_LIMIT_READS ?? null },
    trustedProxies: settings.TRUSTED_PROXIES,
    corsOrigins: settings.CORS_ORIGINS ?? [],
  };
}

/** The variables that would be ignored silently with `AUTH=none`. */
const TOKEN_SETTINGS = [
  'AUTH_SECRET',
  'AUTH_SECRET_FILE',
  'AUTH_JWKS_URL',
  'AUTH_JWKS_FILE',
  'AUTH_ISSUER',
  'AUTH_AUDIENCE',
  'AUTH_ALGORITHMS',
] as const;

type ReportError = (name: keyof AccessSettings, what: string) => void;

function tokenOptions(settings: AccessSettings, reportError: ReportError): TokenOptions | null {
  if (settings.AUTH === 'none') {
    for (const name of TOKEN_SETTINGS) {
      if (settings[name] !== undefined)
        reportError(name, 'is set, but AUTH is none: set AUTH=jwt, or unset it');
    }
    return null;
  }
  const signatures = signatureOptions(settings, reportError);
  if (signatures === null) return null;
  // The same keys may also sign tokens for other services and for other issuers.
  for (const name of 'keys' in signatures ? (['AUTH_ISSUER', 'AUTH_AUDIENCE'] as const) : []) {
    if (settings[name] === undefined)
      reportError(name, 'is missing: a key set may also sign tokens for other services');
  }
  return {
    signatures,
    issuer: settings.AUTH_ISSUER ?? null,
    audience: settings.AUTH_AUDIENCE ?? null,
    toleranceSeconds: settings.AUTH_CLOCK_TOLERANCE_S,
  };
}

/** The variables with a secret or a key set. */
const KEY_SOURCES = ['AUTH_SECRET', 'AUTH_SECRET_FILE', 'AUTH_JWKS_URL', 'AUTH_JWKS_FILE'] as const;

function signatureOptions(settings: AccessSettings, reportError: ReportError): SignatureOptions | null {
  const { AUTH_JWKS_URL: url, AUTH_JWKS_FILE: file, AUTH_ALGORITHMS: named } = settings;
  if (KEY_SOURCES.filter((name) => settings[name] !== undefined).length !== 1) {
    reportError('AUTH', `is jwt: exactly one of ${KEY_SOURCES.join(', ')} must be set`);
    return null;
  }
  const secretFrom = settings.AUTH_SECRET === undefined ? 'AUTH_SECRET_FILE' : 'AUTH_SECRET';
  const secret = settings[secretFrom];
  if (secret === undefined) {
    const algorithms = KEY_ALGORITHMS.filter((name) => (named ?? ['RS256', 'ES256']).includes(name));
    if (named !== undefined && algorithms.length !== new Set(named).size) {
      reportError('AUTH_ALGORITHMS', `must be from ${KEY_ALGORITHMS.join(', ')} with a key set`);
    }
    return { keys: file ?? { url: url ?? '' }, algorithms };
  }
  const algorithms = SECRET_ALGORITHMS.filter((name) => (named ?? ['HS256']).includes(name));
  if (named !== undefined && algorithms.length !== new Set(named).size) {
    reportError('AUTH_ALGORITHMS', `must be from ${SECRET_ALGORITHMS.join(', ')} with a secret`);
  }
  // RFC 7518 requires a secret that is at least as long as the hash.
  const bytes = Math.max(...algorithms.map((name) => Number(name.slice(2)) / 8));
  if (new TextEncoder().encode(secret).length < bytes)
    reportError(secretFrom, `must have at least ${bytes} bytes`);
  return { secret, algorithms };
}

function jwksUrl() {
  return z.string().refine(
    (text) =>
      isUrl(
        text,
        ({ protocol, hostname, username, password }) =>
          (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))) &&
          // Fetch rejects a user name and a password, and quotes them in its error.
          username === '' &&
          password === '',
      ),
    {
      error: 'must be an https URL without a user name or password',
    },
  );
}

function isLoopback(hostname: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

function isUrl(text: string, isValid: (url: URL) => boolean): boolean {
  return URL.canParse(text) && isValid(new URL(text));
}

function jwksFile(readText: (path: string) => string) {
  return z.string().transform((path, context) => {
    try {
      const keys = fixedKeySet(readText(path));
      if (keys !== null) return keys;
      context.addIssue('must be the path of a JSON Web Key Set whose keys have ids (kid)');
    } catch {
      context.addIssue('must be the path of a file that can be read');
    }
    return z.NEVER;
  });
}

function origin() {
  return z.string().refine((text) => isUrl(text, ({ origin }) => origin === text), {
    error: 'must be origins like https://chat.example, separated by commas',
  });
}

const RATE = /^([1-9]\d{0,5})\/(s|min):([1-9]\d{0,5})$/;

function rate() {
  return z
    .string()
    .regex(RATE, 'must be like 10/s:50 or 100/min:20: requests per second or minute, and the burst')
    .transform((text): Rate => {
      const [, limit, unit, burst] = RATE.exec(text) ?? [];
      return { limit: Number(limit), seconds: unit === 's' ? 1 : 60, burst: Number(burst) };
    });
}

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
    authenticate: withRememberedTokens(makeAuthenticate({ rules: { ...tokens, signatures }, clock }), clock),
    readinessProblems:
      'keys' in signatures ? () => signatures.keys.readinessProblems() : ALLOW_ALL.readinessProblems,
  };
}

function signaturesOf(given: TokenOptions['signatures'], log: Log): Signatures {
  return 'keys' in given && 'url' in given.keys
    ? { ...given, keys: fetchedKeySet({ url: given.keys.url, log }) }
    : (given as Signatures);
}
