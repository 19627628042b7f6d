import { sign } from 'hono/jwt';
import { describe, expect, test } from 'vitest';
import { makeAuthenticate, type TokenRules } from '../../src/adapters/http/middleware/authentication.ts';
import { fetchedKeySet, fixedKeySet, type KeySet } from '../../src/adapters/http/middleware/jwks.ts';
import { SECRET, tokenOf } from './guarded-app.ts';

const NOW = 1_790_000_000;
const clock = { now: () => NOW * 1_000_000 };
const ANNA = { sub: 'anna', exp: NOW + 60 };

const bySecret: TokenRules = {
  signatures: { secret: SECRET, algorithms: ['HS256'] },
  issuer: null,
  audience: null,
  toleranceSeconds: 30,
};

/** The result of a token: its caller, or why it is refused. */
async function resultOf(token: string, rules: TokenRules = bySecret): Promise<unknown> {
  const authenticate = makeAuthenticate({ rules, clock });
  return authenticate(`Bearer ${token}`).then(
    ({ caller }) => caller,
    (error: unknown) => (error as { code: string }).code,
  );
}

/** Encodes a part of a token. */
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const anna = { kind: 'user', userId: 'anna' };

const rsa = (modulusLength: number) => ({
  alg: 'RS256' as const,
  parameters: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
});

const KINDS = [
  rsa(2048),
  { alg: 'ES256', parameters: { name: 'ECDSA', namedCurve: 'P-256' } },
  { alg: 'EdDSA', parameters: { name: 'Ed25519' } },
] as const;

type Key = Parameters<typeof crypto.subtle.exportKey>[1];

/** A key of an issuer: the private key and the published JWK. */
async function issuerKey({ alg, parameters }: (typeof KINDS)[number], kid = `key-${alg}`) {
  const pair = await crypto.subtle.generateKey(parameters, true, ['sign', 'verify']);
  const { publicKey, privateKey } = pair as { publicKey: Key; privateKey: Key };
  // Node's name of EdDSA is its curve.
  const { alg: _, ...jwk } = await crypto.subtle.exportKey('jwk', publicKey);
  const privateJwk = await crypto.subtle.exportKey('jwk', privateKey);
  const pem = Buffer.from(await crypto.subtle.exportKey('spki', publicKey)).toString('base64');
  return { alg, jwk: { ...jwk, kid }, privateJwk, pem };
}

const issuer = await Promise.all(KINDS.map((kind) => issuerKey(kind)));
const keySet = (keys: readonly object[] = issuer.map(({ jwk }) => jwk)): KeySet =>
  fixedKeySet(JSON.stringify({ keys }))!;
const byKeys = (keys = keySet()): TokenRules => ({
  signatures: { keys, algorithms: ['RS256', 'ES256', 'EdDSA'] },
  issuer: 'https://id.example',
  audience: 'chat',
  toleranceSeconds: 30,
});
const claims = { ...ANNA, iss: 'https://id.example', aud: ['mail', 'chat'] };
const signed = ({ alg, privateJwk, jwk }: (typeof issuer)[number], payload: object = claims) =>
  sign({ ...payload }, { ...privateJwk, alg, kid: jwk.kid }, alg);

describe('a token with a shared secret', () => {
  test('identifies a user or a service', async () => {
    expect(await resultOf(await tokenOf(ANNA))).toEqual(anna);
    const service = { kind: 'service' };
    expect(await resultOf(await tokenOf({ ...ANNA, scope: 'a messenger:service b' }))).toEqual(service);
    expect(await resultOf(await tokenOf({ ...ANNA, 'messenger:service': true }))).toEqual(service);
    for (const none of [
      { scope: 'messenger:services' },
      { scope: ['messenger:service'] },
      { 'messenger:service': 'true' },
    ]) {
      expect(await resultOf(await tokenOf({ ...ANNA, ...none }))).toEqual(anna);
    }
  });

  test('requires a subject that is a user id', async () => {
    for (const sub of [undefined, null, 7, '', '..', 'a b', 'ä', 'x'.repeat(65), ['anna']]) {
      expect(await resultOf(await tokenOf({ ...ANNA, sub })), String(sub)).toBe('token_invalid');
    }
  });

  test('requires a valid signature with that secret', async () => {
    expect(await resultOf(await tokenOf(ANNA, `${SECRET}!`))).toBe('token_invalid');
    const [header, , signature] = (await tokenOf(ANNA)).split('.');
    expect(await resultOf([header, part({ ...ANNA, sub: 'ben' }), signature].join('.'))).toBe(
      'token_invalid',
    );
    for (const broken of [
      '',
      '.',
      '..',
      'a.b',
      'a.b.c',
      `${header}.${part(ANNA)}.`,
      `${header}.!.${signature}`,
    ]) {
      expect(await resultOf(broken), broken).toBe('token_invalid');
    }
    expect(await resultOf([header, part(null), signature].join('.'))).toBe('token_invalid');
  });

  test.each(['null', '7', '"anna"', '[]', '{', ''])(
    'requires claims: a signed %j is refused',
    async (payload) => {
      const hmac = { name: 'HMAC', hash: 'SHA-256' };
      const bytes = new TextEncoder().encode(SECRET);
      const key = await crypto.subtle.importKey('raw', bytes, hmac, false, ['sign']);
      const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${Buffer.from(payload).toString('base64url')}`;
      const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text));
      const token = `${text}.${Buffer.from(signature).toString('base64url')}`;
      expect(await resultOf(token)).toBe('token_invalid');
    },
  );

  test('requires a signature with a listed algorithm', async () => {
    for (const alg of ['none', 'None', 'NONE', '', undefined, null, ['HS256']]) {
      const unsigned = `${part({ alg, typ: 'JWT' })}.${part(ANNA)}.`;
      expect(await resultOf(unsigned), String(alg)).toBe('token_invalid');
    }
    expect(await resultOf(await sign(ANNA, SECRET, 'HS384'))).toBe('token_invalid');
    for (const key of issuer) expect(await resultOf(await signed(key))).toBe('token_invalid');
  });

  test('accepts a secret that looks like a key', async () => {
    const secret = `-----BEGIN PUBLIC KEY----- ${issuer[0]!.pem}`;
    const rules: TokenRules = { ...bySecret, signatures: { secret, algorithms: ['HS256'] } };
    const { subtle } = crypto;
    const hmac = { name: 'HMAC', hash: 'SHA-256' };
    const key = await subtle.importKey('raw', new TextEncoder().encode(secret), hmac, false, ['sign']);
    expect(await resultOf(await sign(ANNA, key, 'HS256'), rules)).toEqual(anna);
  });

  test('requires exp, and is valid from nbf to exp with the clock tolerance', async () => {
    const at = async (times: object) => resultOf(await tokenOf({ ...ANNA, ...times }));
    expect(await at({ exp: NOW - 29 })).toEqual(anna);
    expect(await at({ exp: NOW - 30 })).toBe('token_expired');
    expect(await at({ nbf: NOW + 30, iat: NOW + 30 })).toEqual(anna);
    expect(await at({ nbf: NOW + 31 })).toBe('token_invalid');
    expect(await at({ iat: NOW + 31 })).toBe('token_invalid');
    for (const exp of [undefined, null, '9999999999', Infinity])
      expect(await at({ exp })).toBe('token_invalid');
    for (const nbf of [null, '1']) expect(await at({ nbf })).toBe('token_invalid');
  });
});

describe('a token with an issuer’s key', () => {
  test('is accepted with each listed algorithm', async () => {
    for (const key of issuer) expect(await resultOf(await signed(key), byKeys()), key.alg).toEqual(anna);
  });

  test('has no type or that of access tokens', async () => {
    const es = issuer[1]!;
    const { subtle } = crypto;
    const key = await subtle.importKey('jwk', es.privateJwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'sign',
    ]);
    const typed = async (typ: string | undefined) => {
      const text = `${part({ alg: 'ES256', kid: 'key-ES256', typ })}.${part(claims)}`;
      const hash = { name: 'ECDSA', hash: 'SHA-256' };
      const signature = await subtle.sign(hash, key, new TextEncoder().encode(text));
      return resultOf(`${text}.${Buffer.from(signature).toString('base64url')}`, byKeys());
    };
    for (const typ of [undefined, 'JWT', 'at+jwt', 'application/at+jwt'])
      expect(await typed(typ)).toEqual(anna);
    for (const typ of ['logout+jwt', 'dpop+jwt', 'secevent+jwt'])
      expect(await typed(typ)).toBe('token_invalid');
  });

  test('requires the issuer and the audience', async () => {
    const es = issuer[1]!;
    const changed = async (change: object) => resultOf(await signed(es, { ...claims, ...change }), byKeys());
    expect(await changed({ aud: 'chat' })).toEqual(anna);
    for (const iss of [undefined, '', 'https://id.example/', 'https://id.example.evil']) {
      expect(await changed({ iss }), String(iss)).toBe('token_invalid');
    }
    for (const aud of [undefined, '', 'mail', ['mail'], 'chat2', { chat: true }]) {
      expect(await changed({ aud }), JSON.stringify(aud)).toBe('token_invalid');
    }
  });

  test('is refused if it is signed with the public key as an HMAC secret', async () => {
    for (const { jwk, pem } of issuer) {
      const texts = [
        JSON.stringify(jwk),
        pem,
        `-----BEGIN PUBLIC KEY-----\n${pem}\n-----END PUBLIC KEY-----\n`,
      ];
      for (const text of texts) {
        const key = await crypto.subtle.importKey(
          'raw',
          new TextEncoder().encode(text),
          { name: 'HMAC', hash: 'SHA-256' },
          false,
          ['sign'],
        );
        for (const kid of [jwk.kid, undefined]) {
          const head = `${part({ alg: 'HS256', kid, typ: 'JWT' })}.${part(claims)}`;
          const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(head));
          const token = `${head}.${Buffer.from(signature).toString('base64url')}`;
          expect(await resultOf(token, byKeys())).toBe('token_invalid');
        }
      }
    }
    expect(await resultOf(`${part({ alg: 'none', kid: 'key-RS256' })}.${part(claims)}.`, byKeys())).toBe(
      'token_invalid',
    );
  });

  test('is verified with the key of its kid and only with the algorithm of that key', async () => {
    const [rs, es, ed] = issuer;
    // The kid of another key, and a symmetric key in the set.
    const oct = { kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), kid: 'key-ES256' };
    expect(await resultOf(await signed(es!), byKeys(keySet([{ ...ed!.jwk, kid: 'key-ES256' }])))).toBe(
      'token_invalid',
    );
    expect(await resultOf(await signed(es!), byKeys(keySet([{ ...es!.jwk, alg: 'ES384' }])))).toBe(
      'token_invalid',
    );
    expect(await resultOf(await signed(es!), byKeys(keySet([{ ...es!.jwk, use: 'enc' }])))).toBe(
      'token_invalid',
    );
    expect(await resultOf(await signed(es!), byKeys(keySet([oct, rs!.jwk])))).toBe('token_invalid');
    expect(await resultOf(await sign({ ...claims }, SECRET, 'HS256'), byKeys(keySet([oct])))).toBe(
      'token_invalid',
    );
    expect(await resultOf(await signed(es!), byKeys(keySet([rs!.jwk])))).toBe('token_invalid');
    // An algorithm that the key supports but that is not listed.
    const rules = byKeys();
    const narrow: TokenRules = { ...rules, signatures: { keys: keySet(), algorithms: ['RS256'] } };
    expect(await resultOf(await signed(es!), narrow)).toBe('token_invalid');
  });
});

describe('the keys of an issuer', () => {
  test.each([512, 1024])('are refused if RSA has %i bits', async (bits) => {
    const weak = await issuerKey(rsa(bits));
    expect(await resultOf(await signed(weak), byKeys(keySet([weak.jwk])))).toBe('token_invalid');
  });

  test('may share a kid: each of them is tried', async () => {
    const [first, second, third] = await Promise.all([1, 2, 3].map(() => issuerKey(KINDS[1], 'shared')));
    const weak = await issuerKey(rsa(512), 'shared');
    const rs = await issuerKey(KINDS[0], 'shared');
    const rules = byKeys(keySet([weak, first!, rs, second!].map(({ jwk }) => jwk)));
    for (const key of [first!, second!, rs]) expect(await resultOf(await signed(key), rules)).toEqual(anna);
    for (const key of [weak, third!]) expect(await resultOf(await signed(key), rules)).toBe('token_invalid');
    const expired = { ...claims, exp: NOW - 60 };
    expect(await resultOf(await signed(second!, expired), rules)).toBe('token_expired');
    expect(await resultOf(await signed(second!, { ...claims, aud: 'mail' }), rules)).toBe('token_invalid');
  });

  test('require a kid in the token, even for a single key', async () => {
    const es = issuer[1]!;
    const { kid: _, ...nameless } = es.jwk;
    const token = await sign({ ...claims }, { ...es.privateJwk, alg: 'ES256' }, 'ES256');
    for (const jwk of [es.jwk, nameless]) {
      expect(await resultOf(token, byKeys(keySet([jwk, issuer[0]!.jwk])))).toBe('token_invalid');
    }
  });
});

describe('keys that are fetched', () => {
  const MINUTE = 60_000;
  const text = JSON.stringify({ keys: issuer.map(({ jwk }) => jwk) });

  function served() {
    const state = {
      now: 0,
      requestCount: 0,
      lines: [] as string[],
      answer: () => Promise.resolve(new Response(text)),
    };
    const warn = (_: object, message: string) => void state.lines.push(message);
    const keys = fetchedKeySet({
      url: 'https://id.example/keys',
      log: { info: warn, warn, error: warn },
      now: () => state.now,
      fetch: () => {
        state.requestCount += 1;
        return state.answer();
      },
    });
    return {
      state,
      keys,
      readinessProblems: () => keys.readinessProblems(),
      /** The result of a token with this kid. */
      find: async (kid: string) => {
        const { jwk, ...key } = issuer[0]!;
        return resultOf(await signed({ ...key, jwk: { ...jwk, kid } }), byKeys(keys));
      },
    };
  }
  const down = () => Promise.reject(new TypeError('connect ECONNREFUSED'));
  const known = anna;
  const unknown = 'token_invalid';

  test('are fetched on demand, once for all waiting requests', async () => {
    const { state, find } = served();
    expect(state.requestCount).toBe(0);
    expect(await Promise.all([find('key-RS256'), find('key-RS256')])).toEqual([known, known]);
    state.now = 9 * MINUTE;
    expect(await find('key-RS256')).toEqual(known);
    expect(state.requestCount).toBe(1);
  });

  test('are refreshed when they are old, while the known keys stay in use', async () => {
    const { state, find } = served();
    await find('key-RS256');
    state.now = 10 * MINUTE;
    state.answer = () => new Promise(() => undefined);
    expect(await find('key-RS256')).toEqual(known);
    expect(state.requestCount).toBe(2);
  });

  test('are fetched again for an unknown kid, with a rate limit', async () => {
    const { state, find } = served();
    expect(await find('made-up')).toBe(unknown);
    for (let n = 0; n < 100; n += 1) expect(await find(`made-up-${n}`)).toBe(unknown);
    expect(state.requestCount).toBe(1);
    state.now = 10_000;
    const added = { ...issuer[0]!.jwk, kid: 'new' };
    state.answer = () => Promise.resolve(new Response(JSON.stringify({ keys: [added] })));
    expect(await find('new')).toEqual(known);
    // The issuer has revoked the key.
    expect(await find('key-RS256')).toBe(unknown);
  });

  test('are not fetched for a token that is refused for other reasons', async () => {
    const { state, keys } = served();
    const [rs, es] = issuer;
    const narrow: TokenRules = { ...byKeys(keys), signatures: { keys, algorithms: ['ES256'] } };
    expect(await resultOf(await signed(rs!), narrow)).toBe('token_invalid');
    const token = await signed(es!);
    const [, payload, signature] = token.split('.');
    for (const header of [{}, { kid: 7 }, { kid: 'key-ES256', typ: 'logout+jwt' }]) {
      const changed = `${part({ alg: 'ES256', ...header })}.${payload}.${signature}`;
      expect(await resultOf(changed, narrow)).toBe('token_invalid');
    }
    expect(state.requestCount).toBe(0);
    expect(await resultOf(token, narrow)).toEqual(anna);
    expect(state.requestCount).toBe(1);
  });

  test('are read up to a size limit', async () => {
    const { state, find } = served();
    const chunk = new TextEncoder().encode(' '.repeat(64 * 1024));
    let sent = 0;
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
      pull: (controller) => {
        if (sent === 64) return controller.close();
        sent += 1;
        controller.enqueue(chunk);
      },
      cancel: () => {
        isCancelled = true;
      },
    });
    state.answer = () => Promise.resolve(new Response(body));
    expect(await find('key-RS256')).toBe('keys_unavailable');
    expect(isCancelled).toBe(true);
    expect(sent).toBeLessThan(64);
    state.now = 10_000;
    state.answer = () => Promise.resolve(new Response(text));
    expect(await find('key-RS256')).toEqual(known);
  });

  test('stay in use for an hour while the issuer is unreachable, and then expire', async () => {
    const { state, find } = served();
    await find('key-RS256');
    state.answer = down;
    state.now = 59 * MINUTE;
    expect(await find('key-RS256')).toEqual(known);
    expect(await find('unknown')).toBe('keys_unavailable');
    state.now = 60 * MINUTE;
    expect(await find('key-RS256')).toBe('keys_unavailable');
    expect(state.lines.length).toBeGreaterThan(0);
    state.answer = () => Promise.resolve(new Response(text));
    state.now += 10_000;
    expect(await find('key-RS256')).toEqual(known);
  });

  test('are a readiness problem until they are fetched, and the readiness check fetches them', async () => {
    const { state, find, readinessProblems } = served();
    const expectedProblems = [
      'Tokens cannot be verified: the keys of the token issuer could not be fetched.',
    ];
    state.answer = down;
    expect(await readinessProblems()).toEqual(expectedProblems);
    for (let n = 0; n < 50; n += 1) expect(await readinessProblems()).toEqual(expectedProblems);
    expect(state.requestCount).toBe(1);
    // A set without a usable key is a readiness problem too.
    state.answer = () => Promise.resolve(new Response('{"keys":[]}'));
    state.now = 10_000;
    expect(await readinessProblems()).toEqual(expectedProblems);
    state.answer = () => Promise.resolve(new Response(text));
    state.now = 20_000;
    expect(await readinessProblems()).toEqual([]);
    expect(await find('key-RS256')).toEqual(known);
    expect(state.requestCount).toBe(3);
    // They stay in use while the issuer is unreachable, until they expire.
    state.answer = down;
    state.now = 59 * MINUTE;
    expect(await readinessProblems()).toEqual([]);
    state.now = 81 * MINUTE;
    expect(await readinessProblems()).toEqual(expectedProblems);
  });

  test('that cannot be fetched are not a 401', async () => {
    const answers = [
      down,
      () => Promise.resolve(new Response('gone', { status: 404 })),
      () =>
        Promise.resolve(new Response(null, { status: 302, headers: { Location: 'https://evil.example' } })),
      () => Promise.resolve(new Response('<html>')),
      () => Promise.resolve(new Response('{"keys":{}}')),
    ];
    for (const answer of answers) {
      const { state, find } = served();
      state.answer = answer;
      for (let n = 0; n < 50; n += 1) expect(await find('key-RS256')).toBe('keys_unavailable');
      expect(state.requestCount).toBe(1);
    }
  });
});
