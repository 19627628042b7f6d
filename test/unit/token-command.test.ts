import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { SERVICE } from '../../src/domain/caller.ts';
import { makeAuthenticate } from '../../src/adapters/http/middleware/authentication.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { openAccessPolicy } from '../../src/composition/access-config.ts';
import { readConfig } from '../../src/composition/config.ts';

const ENV = {
  AUTH: 'jwt',
  AUTH_SECRET: 'a secret of tests, and of at least sixty-four bytes, as the longest hash asks for',
  AUTH_ISSUER: 'https://issuer.test',
  AUTH_AUDIENCE: 'messenger',
};

function token(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'scripts/token.ts', ...args],
    { env: { PATH: process.env['PATH'], ...env }, encoding: 'utf8' },
  );
  return { status, stdout: stdout.trim(), stderr };
}

/** The caller that a service with these settings reads from `token`. */
async function callerOf(bearer: string, env: Readonly<Record<string, string>>) {
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const { accessPolicy } = readConfig(env, () => '');
  const { authenticate } = openAccessPolicy({ options: accessPolicy, clock: makeClock(), log: silent });
  return (await authenticate?.(`Bearer ${bearer}`))?.caller;
}

describe('npm run token', () => {
  test.each(['HS256', 'HS512'])(
    'makes a token that a service with the same settings accepts: %s',
    async (name) => {
      const env = { ...ENV, AUTH_ALGORITHMS: name };
      const { status, stdout } = token(['--user', 'alice'], env);
      expect(status).toBe(0);
      expect(await callerOf(stdout, env)).toEqual({ kind: 'user', userId: 'alice' });
      await expect(callerOf(stdout, { ...env, AUTH_AUDIENCE: 'another' })).rejects.toThrow('token_invalid');
    },
  );

  test('makes a token for a service', async () => {
    expect(await callerOf(token(['--service'], ENV).stdout, ENV)).toEqual(SERVICE);
  });

  test('makes a token with the given expiry', async () => {
    const { stdout } = token(['--user', 'alice', '--hours', '2'], ENV);
    const { signatures, ...rest } = readConfig(ENV, () => '').accessPolicy.tokens ?? {};
    const rules = { ...rest, signatures } as Parameters<typeof makeAuthenticate>[0]['rules'];
    const at = (hours: number) => ({ now: () => (Date.now() + hours * 3_600_000) * 1_000 });
    const authenticate = (hours: number) => makeAuthenticate({ rules, clock: at(hours) })(`Bearer ${stdout}`);
    await expect(authenticate(1.9)).resolves.toBeDefined();
    await expect(authenticate(2.1)).rejects.toThrow('token_expired');
  });

  test.each([
    [[], ENV, 2],
    [['--user', 'alice', '--service'], ENV, 2],
    [['--user', 'two words'], ENV, 2],
    [['--user', 'alice', '--hours', '0'], ENV, 2],
    [['--user', 'alice'], {}, 1],
    [['--user', 'alice'], { AUTH: 'jwt', AUTH_SECRET: 'short' }, 1],
  ])('says what is wrong, and shows no secret: %j', (args, env, code) => {
    const { status, stdout, stderr } = token(args, env);
    expect(status).toBe(code);
    expect(stdout).toBe('');
    expect(stderr).not.toBe('');
    expect(stderr).not.toContain(ENV.AUTH_SECRET);
  });
});
