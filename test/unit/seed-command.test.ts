import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parametersFrom, UsageError } from '../../scripts/seed/arguments.ts';
import { optionsOf } from '../../scripts/seed/report.ts';
import type { Parameters } from '../../scripts/seed/conversations.ts';

const NOW = Date.UTC(2026, 0, 31, 9, 30) * 1000;
const USUAL: Parameters = {
  seed: '1',
  until: Date.UTC(2026, 0, 31) * 1000,
  users: 10,
  conversations: 15,
  messages: 600,
};

describe('the options of the seed', () => {
  it('are all optional', () => {
    expect(parametersFrom([], NOW)).toEqual(USUAL);
  });

  it('can all be given', () => {
    const text = '--users 20 --conversations 30 --messages 3000 --seed x --until 2026-01-30T12:00:00.5+01:00';
    expect(parametersFrom(text.split(' '), NOW)).toEqual({
      users: 20,
      conversations: 30,
      messages: 3_000,
      seed: 'x',
      until: Date.UTC(2026, 0, 30, 11, 0, 0, 500) * 1000,
    });
  });

  it('default to forty messages per conversation', () => {
    expect(parametersFrom(['--conversations', '20'], NOW)).toMatchObject({ messages: 800 });
  });

  it('include help', () => {
    expect(parametersFrom(['--help'], NOW)).toBe('help');
  });

  it.each([
    ['--users 4', "--users takes a whole number from 5 to 1000000, not '4'"],
    ['--users 1e2', "--users takes a whole number from 5 to 1000000, not '1e2'"],
    ['--conversations 42', "--conversations with 10 users takes a whole number from 1 to 41, not '42'"],
    ['--users 5 --conversations 7', "--conversations with 5 users takes a whole number from 1 to 6, not '7'"],
    [
      '--messages 14',
      "--messages with 15 conversations takes a whole number from 15 to 1000000000, not '14'",
    ],
    ['--until today', "--until takes a time in RFC 3339 between 1973 and now, not 'today'"],
    ['--until 2026-01-31T09:30:01Z', /between 1973 and now/],
    ['--until 1972-12-31T23:59:59Z', /between 1973 and now/],
    ['--speed 1', "Unknown option '--speed'"],
    ['fast', "Unexpected argument 'fast'"],
    ['--seed', "Option '--seed <value>' argument missing"],
    ['--seed -1', "Option '--seed' argument is ambiguous"],
  ])('that are invalid (%s) are refused in one sentence', (text, message) => {
    const parse = (): unknown => parametersFrom(text.split(' '), NOW);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(typeof message === 'string' ? new UsageError(message) : message);
  });

  it.each([NOW, USUAL.until, USUAL.until - 10_000_000, 1_700_000_000_123_456])(
    'are printed so that they reproduce the same data (%d)',
    (until) => {
      const parameters = { ...USUAL, until };
      expect(parametersFrom(optionsOf(parameters).split(' '), NOW)).toEqual(parameters);
    },
  );

  it('are printed with shell quoting', () => {
    expect(optionsOf({ ...USUAL, seed: "it's; rm" })).toContain(`--seed='it'\\''s; rm' --until=`);
  });
});

describe('the command', () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', 'scripts/seed.ts', ...args], {
      env: { STORAGE: 'memory' },
    });

  it('reports what it did, and for memory storage that the data is lost', async () => {
    const { stdout, stderr } = await run();
    expect(stdout).toMatch(
      /^10 users, 21 conversations and 787 messages in [\d.]+ s\.\nThe data are lost now/,
    );
    expect(stderr).toBe('');
  });

  it('refuses unknown options', async () => {
    await expect(run('--user', '7')).rejects.toMatchObject({
      code: 2,
      stdout: '',
      stderr: "Unknown option '--user'. See --help.\n",
    });
  });
});
