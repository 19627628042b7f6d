import { beforeEach, describe, expect, it, test } from 'vitest';
import type { Authenticate } from '../../src/adapters/http/middleware/authentication.ts';
import { withRememberedTokens } from '../../src/adapters/http/middleware/remembered-tokens.ts';
import { openAccessPolicy } from '../../src/composition/access-config.ts';
import { readConfig } from '../../src/composition/config.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { guardedLog } from '../support/log-leak-guard.ts';
import { SECRET, tokenOf } from './guarded-app.ts';

const START = 1_790_000_000_000;
const MINUTE = 60_000;

describe('a verified token', () => {
  let now: number;
  let expiresAt: number;
  let isRefused: boolean;
  let verified: (string | undefined)[];
  let authenticate: Authenticate;

  beforeEach(() => {
    now = START;
    expiresAt = START + 60 * MINUTE;
    isRefused = false;
    verified = [];
    const verify: Authenticate = async (authorization) => {
      verified.push(authorization);
      if (isRefused) throw new Error('refused');
      return { caller: SERVICE, expiresAt };
    };
    authenticate = withRememberedTokens(verify, { now: () => now * 1_000 });
  });

  it('is not verified again within a minute, and is verified again after it', async () => {
    const first = await authenticate('Bearer one');
    now += MINUTE - 1;
    expect(await authenticate('Bearer one')).toBe(first);
    expect(verified).toEqual(['Bearer one']);
    now += 1;
    isRefused = true;
    await expect(authenticate('Bearer one')).rejects.toThrow('refused');
  });

  it('is verified again from the instant at which it expires', async () => {
    expiresAt = START + 5_000;
    await authenticate('Bearer one');
    now += 4_999;
    await authenticate('Bearer one');
    expect(verified).toHaveLength(1);
    now += 1;
    await authenticate('Bearer one');
    expect(verified).toHaveLength(2);
  });

  it('is verified again after the clock has stepped back', async () => {
    expiresAt = START + 5_000;
    await authenticate('Bearer one');
    now -= 1;
    await authenticate('Bearer one');
    expect(verified).toHaveLength(2);
  });

  it('does not stand for another one, nor for a request without one', async () => {
    await authenticate('Bearer one');
    isRefused = true;
    for (const other of ['Bearer on', 'Bearer One', 'Bearer one ', 'one', 'Basic one', undefined]) {
      await expect(authenticate(other)).rejects.toThrow('refused');
    }
  });

  it('is remembered once for all ways to write its header, so that one client cannot displace the tokens of all', async () => {
    await authenticate('Bearer one');
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      for (let spaces = 1; spaces <= 2_000; spaces += 1) {
        await authenticate(`${scheme}${' '.repeat(spaces)}another`);
      }
    }
    await authenticate('Bearer one');
    expect(verified).toEqual(['Bearer one', 'Bearer another']);
  });

  it('that is refused later is not accepted again when a clock that stepped back reaches its first time', async () => {
    await authenticate('Bearer one');
    now -= 30 * MINUTE;
    isRefused = true;
    await expect(authenticate('Bearer one')).rejects.toThrow('refused');
    now += 30 * MINUTE;
    await expect(authenticate('Bearer one')).rejects.toThrow('refused');
  });

  it('that was refused is verified each time', async () => {
    isRefused = true;
    await expect(authenticate('Bearer one')).rejects.toThrow('refused');
    isRefused = false;
    await authenticate('Bearer one');
    expect(verified).toHaveLength(2);
  });

  it('is forgotten after ten thousand newer ones, and is not remembered if it is longer than 2,048 characters', async () => {
    const tokens = Array.from({ length: 10_001 }, (_, index) => `Bearer ${index}`);
    for (const token of tokens) await authenticate(token);
    verified = [];
    await authenticate('Bearer 1');
    expect(verified).toEqual([]);
    await authenticate('Bearer 0');
    expect(verified).toEqual(['Bearer 0']);
    const longest = `Bearer ${'x'.repeat(2_041)}`;
    for (const token of [longest, longest, `${longest}x`, `${longest}x`]) await authenticate(token);
    expect(verified).toEqual(['Bearer 0', longest, `${longest}x`, `${longest}x`]);
  });
});

test('the service remembers verified tokens', async () => {
  const { accessPolicy: options } = readConfig({ AUTH: 'jwt', AUTH_SECRET: SECRET }, () => '');
  const { authenticate } = openAccessPolicy({ options, clock: makeClock(), log: guardedLog });
  const authorization = `Bearer ${await tokenOf({ sub: 'anna' })}`;
  const first = await authenticate?.(authorization);
  expect(first?.caller).toEqual({ kind: 'user', userId: 'anna' });
  expect(await authenticate?.(authorization)).toBe(first);
});
