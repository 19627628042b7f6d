import { errors, exportJWK, type CryptoKey } from 'jose';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig, readServiceConfig } from '../../src/composition/config.ts';

const SECRET = 'thirty-two bytes of a secret, or more';
const KEY = {
  kty: 'EC',
  kid: 'one',
  crv: 'P-256',
  x: 'nHeWBEiMXq7IyfR8CL4iP3Ve6F17qkZFTMRSQBv73H8',
  y: 'k1LVzwzDNj1pNGBcjY6_n_L3usUmL9x5pCuHAkp4k_g',
};
const JWKS = JSON.stringify({ keys: [KEY] });

/** The existing files. */
const FILES: Readonly<Record<string, string>> = {
  '/jwks.json': JWKS,
  '/nameless.json': JWKS.replace('"kid":"one",', ''),
  '/none.json': '{"keys":[]}',
  '/notes.txt': 'buy milk',
  '/secret': `${SECRET}\n`,
  '/secret-of-windows': `${SECRET}\r\n`,
  '/secret-of-one-line': SECRET,
  '/empty': '\n',
  // Decoding replaces each invalid UTF-8 byte by U+FFFD.
  '/random-bytes': `${SECRET}\uFFFD`,
  '/marked': `\uFEFF${SECRET}\n`,
};

function readText(path: string): string {
  const text = FILES[path];
  if (text === undefined) throw new Error('ENOENT');
  return text;
}

const gateOf = (env: Record<string, string>) => readConfig(env, readText).accessPolicy;

/** The lines of the configuration error. */
function errorLines(env: Record<string, string>, read = readConfig): string[] {
  try {
    read(env, readText);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.split('\n').map((line) => line.trim());
  }
  return [];
}

const jwt = { AUTH: 'jwt', AUTH_SECRET: SECRET };
const byKeys = {
  AUTH: 'jwt',
  AUTH_JWKS_FILE: '/jwks.json',
  AUTH_ISSUER: 'https://id.example',
  AUTH_AUDIENCE: 'chat',
};

describe('the access configuration', () => {
  test('tokens with a secret, with defaults', () => {
    expect(gateOf(jwt).tokens).toEqual({
      signatures: { secret: SECRET, algorithms: ['HS256'] },
      issuer: null,
      audience: null,
      toleranceSeconds: 30,
    });
  });

  test.each(['/secret', '/secret-of-windows', '/secret-of-one-line'])('a secret in a file: %s', (path) => {
    const { signatures } = gateOf({ AUTH: 'jwt', AUTH_SECRET_FILE: path }).tokens!;
    expect(signatures).toEqual({ secret: SECRET, algorithms: ['HS256'] });
  });

  test('tokens with a key set, from a file or a URL', async () => {
    const { signatures, ...rest } = gateOf({ ...byKeys, AUTH_CLOCK_TOLERANCE_S: '0' }).tokens!;
    expect(rest).toEqual({ issuer: 'https://id.example', audience: 'chat', toleranceSeconds: 0 });
    expect(signatures.algorithms).toEqual(['RS256', 'ES256']);
    const keys = 'keys' in signatures && 'find' in signatures.keys ? signatures.keys : null;
    const token = { payload: '', signature: '' };
    const find = (kid: string) => keys!.find({ alg: 'ES256', kid }, token);
    expect(await exportJWK((await find('one')) as CryptoKey)).toMatchObject({ x: KEY.x, y: KEY.y });
    await expect(find('two')).rejects.toThrow(errors.JWKSNoMatchingKey);

    const { AUTH_JWKS_FILE: _, ...others } = byKeys;
    for (const url of ['https://id.example/keys', 'http://localhost:8080/keys', 'http://127.0.0.1/keys']) {
      const env = { ...others, AUTH_JWKS_URL: url, AUTH_ALGORITHMS: 'EdDSA, ES256' };
      expect(gateOf(env).tokens?.signatures).toEqual({ keys: { url }, algorithms: ['ES256', 'EdDSA'] });
    }
  });

  test('rate limits, trusted proxies and allowed origins', () => {
    const { tokens, ...rest } = gateOf({
      RATE_LIMIT_WRITES: '10/s:50',
      RATE_LIMIT_READS: '100/min:20',
      TRUSTED_PROXIES: '2',
      CORS_ORIGINS: 'https://chat.example, http://localhost:3000',
    });
    expect(tokens).toBeNull();
    expect(rest).toEqual({
      rateLimits: {
        writes: { limit: 10, seconds: 1, burst: 50 },
        reads: { limit: 100, seconds: 60, burst: 20 },
      },
      trustedProxies: 2,
      corsOrigins: ['https://chat.example', 'http://localhost:3000'],
    });
  });
});

describe('an error names the setting and does not quote its value', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['an unknown kind', { AUTH: 'basic' }, /^AUTH must be one of none, jwt$/],
    ['no key source', { AUTH: 'jwt' }, /^AUTH is jwt: exactly one of AUTH_SECRET, /],
    ['two key sources', { ...byKeys, AUTH_SECRET: SECRET }, /^AUTH is jwt: exactly one/],
    ['a secret twice', { ...jwt, AUTH_SECRET_FILE: '/secret' }, /^AUTH is jwt: exactly one of AUTH_SECRET, /],
    [
      'a missing secret file',
      { AUTH: 'jwt', AUTH_SECRET_FILE: '/missing' },
      /^AUTH_SECRET_FILE must be the path of a file that can be read$/,
    ],
    [
      'an empty secret file',
      { AUTH: 'jwt', AUTH_SECRET_FILE: '/empty' },
      /^AUTH_SECRET_FILE must be the path of a file that is not empty$/,
    ],
    [
      'a secret in a file, shorter than its hash',
      { AUTH: 'jwt', AUTH_SECRET_FILE: '/notes.txt' },
      /^AUTH_SECRET_FILE must have at least 32 bytes$/,
    ],
    [
      'a secret that is not UTF-8',
      { AUTH: 'jwt', AUTH_SECRET_FILE: '/random-bytes' },
      /^AUTH_SECRET_FILE must be the path of a file in UTF-8 without a byte order mark$/,
    ],
    [
      'a secret with a byte order mark',
      { AUTH: 'jwt', AUTH_SECRET_FILE: '/marked' },
      /^AUTH_SECRET_FILE must be the path of a file in UTF-8 without a byte order mark$/,
    ],
    [
      'a secret file without AUTH',
      { AUTH_SECRET_FILE: '/secret' },
      /^AUTH_SECRET_FILE is set, but AUTH is none: /,
    ],
    [
      'a secret shorter than its hash',
      { ...jwt, AUTH_SECRET: 'hunter2' },
      /^AUTH_SECRET must have at least 32 bytes$/,
    ],
    [
      'a secret shorter than the longest hash',
      { ...jwt, AUTH_ALGORITHMS: 'HS256,HS512' },
      /^AUTH_SECRET must have at least 64 bytes$/,
    ],
    [
      'a public key algorithm with a secret',
      { ...jwt, AUTH_ALGORITHMS: 'HS256,RS256' },
      /^AUTH_ALGORITHMS must be from HS256, /,
    ],
    [
      'a secret key algorithm with a key set',
      { ...byKeys, AUTH_ALGORITHMS: 'RS256,HS256' },
      /^AUTH_ALGORITHMS must be from RS256, /,
    ],
    ['no signature at all', { ...jwt, AUTH_ALGORITHMS: 'none' }, /^AUTH_ALGORITHMS must be one of HS256, /],
    ['a key set without an issuer', { ...byKeys, AUTH_ISSUER: '' }, /^AUTH_ISSUER is missing: /],
    ['a key set without an audience', { ...byKeys, AUTH_AUDIENCE: '' }, /^AUTH_AUDIENCE is missing: /],
    [
      'a key set URL without TLS',
      { ...byKeys, AUTH_JWKS_FILE: '', AUTH_JWKS_URL: 'http://id.example' },
      /^AUTH_JWKS_URL must be an https URL without a user name or password$/,
    ],
    [
      'a key set URL with a password, which is not fetched and would be logged',
      { ...byKeys, AUTH_JWKS_FILE: '', AUTH_JWKS_URL: 'https://user:hunter2@id.example' },
      /^AUTH_JWKS_URL must be an https URL without a user name or password$/,
    ],
    [
      'a missing key set file',
      { ...byKeys, AUTH_JWKS_FILE: '/missing.json' },
      /^AUTH_JWKS_FILE must be the path of a file that can be read$/,
    ],
    [
      'an invalid key set',
      { ...byKeys, AUTH_JWKS_FILE: '/notes.txt' },
      /^AUTH_JWKS_FILE must be the path of a JSON Web Key Set/,
    ],
    [
      'a key set without kids',
      { ...byKeys, AUTH_JWKS_FILE: '/nameless.json' },
      /^AUTH_JWKS_FILE must be the path of a JSON Web Key Set/,
    ],
    [
      'a key set without keys',
      { ...byKeys, AUTH_JWKS_FILE: '/none.json' },
      /^AUTH_JWKS_FILE must be the path of a JSON Web Key Set/,
    ],
    ['a secret without AUTH=jwt', { AUTH_SECRET: SECRET }, /^AUTH_SECRET is set, but AUTH is none: /],
    ['a tolerance that is too large', { AUTH_CLOCK_TOLERANCE_S: '301' }, /^AUTH_CLOCK_TOLERANCE_S must /],
    ['a rate without a burst', { RATE_LIMIT_WRITES: '10/s' }, /^RATE_LIMIT_WRITES must be like /],
    ['a rate of zero', { RATE_LIMIT_READS: '0/s:0' }, /^RATE_LIMIT_READS must be like /],
    ['a number of proxies that is not a number', { TRUSTED_PROXIES: 'true' }, /^TRUSTED_PROXIES must /],
    ['a wildcard origin', { CORS_ORIGINS: '*' }, /^CORS_ORIGINS must be origins like /],
    [
      'an origin with a path',
      { CORS_ORIGINS: 'https://chat.example/' },
      /^CORS_ORIGINS must be origins like /,
    ],
  ])('%s', (_, env, pattern) => {
    const [first, ...lines] = errorLines(env);
    expect(first).toBe('The environment is invalid:');
    expect(lines).toEqual([expect.stringMatching(pattern)]);
    expect(lines.join()).not.toMatch(/hunter2|thirty-two|id\.example/);
  });

  test('all errors are reported together', () => {
    const names = errorLines({ PORT: 'x', AUTH: 'jwt', RATE_LIMIT_READS: '1' }).slice(1);
    expect(names.map((line) => line.split(' ')[0])).toEqual(['PORT', 'RATE_LIMIT_READS']);
  });
});

describe('in production', () => {
  const production = { NODE_ENV: 'production' };

  test('a service without authentication does not start, unless AUTH_ALLOW_NONE=true', () => {
    expect(errorLines(production, readServiceConfig)).toEqual([
      expect.stringMatching(/^AUTH is none, .*AUTH_ALLOW_NONE=true/),
    ]);
    expect(errorLines({ ...production, AUTH_ALLOW_NONE: 'true' }, readServiceConfig)).toEqual([]);
    expect(errorLines({ ...production, ...jwt }, readServiceConfig)).toEqual([]);
    expect(errorLines({ NODE_ENV: 'development' }, readServiceConfig)).toEqual([]);
  });

  test('commands without a server are not affected', () => {
    expect(errorLines(production)).toEqual([]);
  });
});
