import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

const ANSWERED =
  "{ requestId: 'r', method: 'GET', route: '/livez', status: 503, durationMs: 1.5 }, 'Request completed'";

/** The output of a process that logs `lines` and exits. */
function printed(format: 'json' | 'pretty', lines: readonly string[]): string {
  const program = `
    import { openProcessLog } from './src/adapters/pino/process-log.ts';
    const build = { version: '1.2.3', commit: 'c0ffee' };
    const { log, close } = await openProcessLog({ level: 'info', format: '${format}', build });
    ${lines.map((line) => `log.info(${line});`).join('\n')}
    await close();
    process.exit(0);`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status).toBe(0);
  return stdout;
}

describe('the log of a process', () => {
  test('is a JSON line for each entry, with the build, and no entry is lost at exit', () => {
    // Several writes of the buffer.
    const many = Array.from({ length: 2_000 }, (_, n) => `{ n: ${n} }, 'said'`);
    const lines = printed('json', [ANSWERED, ...many])
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const { time, pid, ...first } = lines[0] ?? {};
    expect(first).toEqual({
      level: 'info',
      version: '1.2.3',
      commit: 'c0ffee',
      requestId: 'r',
      method: 'GET',
      route: '/livez',
      status: 503,
      durationMs: 1.5,
      msg: 'Request completed',
    });
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(pid).toBeGreaterThan(0);
    expect(lines.slice(1).map(({ n }) => n)).toEqual(many.map((_, index) => index));
  });

  test('has a readable format, with one line per request', () => {
    const [request, other] = printed('pretty', [ANSWERED, "'Something else.'"]).trim().split('\n');
    expect(request).toContain('GET /livez → 503 in 1.5 ms');
    expect(request).toContain('"requestId":"r"');
    expect(other).toContain('Something else.');
  });
});
