import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ClockVerifier } from '../../src/adapters/system/clock-verifier.ts';
import { VerifiedClock } from '../../src/adapters/system/verified-clock.ts';
import { ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import type { Log } from '../../src/application/ports/log.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
const HOUR = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A node: how far its clock is ahead of the true time, and its response time; `Infinity` for a hanging node. */
interface Node {
  ahead?: number;
  takes?: number;
}

/** A host whose wall clock is `ahead`, and a verifier that asks `nodes`, which a test may change. */
function makeVerifier(nodes: Record<string, Node>, ahead = 0) {
  const host = { ahead };
  const asked: string[] = [];
  const lines: { level: keyof Log; fields: object; message: string }[] = [];
  const hear = (level: keyof Log) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  const clock = new VerifiedClock({
    sources: { wall: () => Date.now() + host.ahead, monotonic: () => performance.now() },
    maxSkewMs: 2_000,
  });
  const verifier = new ClockVerifier({
    clock,
    log: { info: hear('info'), warn: hear('warn'), error: hear('error') },
    maxSkewMs: 2_000,
    requestTimeoutMs: 3_000,
  });
  const references = {
    nodes: () => Object.keys(nodes),
    read: (node: string): Promise<number> => {
      asked.push(node);
      const { ahead: nodeAhead = 0, takes = 2 } = nodes[node]!;
      return new Promise((resolve, reject) => {
        if (takes === Infinity) return;
        setTimeout(() => {
          if (node in nodes) resolve(Date.now() + nodeAhead);
          else reject(new Error('gone'));
        }, takes);
      });
    },
  };
  return {
    host,
    clock,
    verifier,
    asked,
    lines,
    start: () => {
      verifier.start(references);
    },
    /** Whether a write would be accepted now, and after which delay. */
    write: async () => {
      const begun = performance.now();
      let outcome: string | undefined;
      const written = verifier.verified().then(
        () => (outcome = 'taken'),
        (error: unknown) => (outcome = error instanceof ClockNotVerified ? 'refused' : String(error)),
      );
      while (outcome === undefined) await vi.advanceTimersByTimeAsync(1);
      return [await written, Math.round(performance.now() - begun)] as const;
    },
  };
}

describe('writes', () => {
  test('are refused at once until the clock has been measured', async () => {
    const { start, write } = makeVerifier({ a: {}, b: {}, c: {} });
    const [before, waited] = await write();
    expect([before, waited <= 1]).toEqual(['refused', true]);
    start();
    await vi.advanceTimersByTimeAsync(3);
    expect((await write())[0]).toBe('taken');
  });

  test('are accepted as soon as most nodes agree', async () => {
    const { start, verifier, write } = makeVerifier({ a: {}, b: { takes: 5 }, hung: { takes: Infinity } });
    start();
    await vi.advanceTimersByTimeAsync(6);
    await verifier.firstVerified;
    expect((await write())[0]).toBe('taken');
  });

  test('are refused while the clock is wrong, and accepted a second after it is corrected', async () => {
    const { host, start, write } = makeVerifier({ a: {}, b: {}, c: {} }, -5_000);
    start();
    await vi.advanceTimersByTimeAsync(60_000);
    const [while5sBehind, waited] = await write();
    expect([while5sBehind, waited <= 1]).toEqual(['refused', true]);
    host.ahead = 0;
    await vi.advanceTimersByTimeAsync(1_010);
    expect((await write())[0]).toBe('taken');
  });

  test('wait for a new measurement after the wall clock was set, and are refused if it is wrong', async () => {
    const { host, start, write } = makeVerifier({ a: { takes: 100 }, b: { takes: 100 }, c: { takes: 100 } });
    start();
    await vi.advanceTimersByTimeAsync(1_050);
    host.ahead = HOUR;
    const [outcome, waited] = await write();
    expect(outcome).toBe('refused');
    expect(waited).toBeGreaterThanOrEqual(100);
    expect(waited).toBeLessThan(110);
  });

  test('wait for a new measurement after a suspension, and are accepted', async () => {
    const nodes = { a: { ahead: 0 }, b: { ahead: 0 }, c: { ahead: 0 } };
    const { host, clock, start, write } = makeVerifier(nodes);
    start();
    await vi.advanceTimersByTimeAsync(1_050);
    // The true time and all wall clocks have advanced.
    host.ahead = HOUR;
    for (const node of Object.values(nodes)) node.ahead = HOUR;
    expect((await write())[0]).toBe('taken');
    expect(clock.now() / 1_000 - Date.now()).toBeCloseTo(HOUR, -1);
  });

  test('do not wait for a measurement that began before the wall clock was set', async () => {
    const nodes: Record<string, Node> = { a: {}, b: {}, c: {} };
    const { host, start, write, verifier } = makeVerifier(nodes);
    start();
    await vi.advanceTimersByTimeAsync(1_050);
    for (const node of Object.values(nodes)) node.takes = 50;
    void verifier.measure();
    await vi.advanceTimersByTimeAsync(10);
    host.ahead = HOUR;
    for (const node of Object.values(nodes)) node.ahead = HOUR;
    const [outcome, waited] = await write();
    expect(outcome).toBe('taken');
    expect(waited).toBeGreaterThanOrEqual(50);
  });

  test('do not wait for a hanging node if the others decide', async () => {
    const nodes: Record<string, Node> = { a: {}, b: {}, hung: { takes: Infinity } };
    const { host, start, write } = makeVerifier(nodes);
    start();
    await vi.advanceTimersByTimeAsync(3_050);
    host.ahead = HOUR;
    for (const node of Object.values(nodes)) node.ahead = HOUR;
    const [outcome, waited] = await write();
    expect([outcome, waited < 10]).toEqual(['taken', true]);
  });

  test('wait at most half of the request timeout if no node answers', async () => {
    const nodes: Record<string, Node> = { a: {}, b: {}, c: {} };
    const { host, start, write } = makeVerifier(nodes);
    start();
    await vi.advanceTimersByTimeAsync(1_050);
    for (const node of Object.values(nodes)) node.takes = Infinity;
    host.ahead = HOUR;
    expect(await write()).toEqual(['refused', 1_500]);
  });

  test('rely on the monotonic clock while no node answers', async () => {
    const nodes: Record<string, Node> = { a: {}, b: {}, c: {} };
    const { start, write, lines } = makeVerifier(nodes);
    start();
    await vi.advanceTimersByTimeAsync(1_050);
    for (const node of Object.values(nodes)) node.takes = Infinity;
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(await write()).toEqual(['taken', 1]);
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('for a minute')]);
  });

  test('are refused at once after a step if there are no nodes', async () => {
    const nodes: Record<string, Node> = { a: {} };
    const { host, start, write } = makeVerifier(nodes);
    start();
    await vi.advanceTimersByTimeAsync(1_050);
    delete nodes['a'];
    host.ahead = HOUR;
    expect((await write())[0]).toBe('refused');
  });
});

describe('measurements', () => {
  test('are made at the start and every ten seconds after', async () => {
    const { start, asked } = makeVerifier({ a: {}, b: {} });
    start();
    await vi.advanceTimersByTimeAsync(9_500);
    expect(asked.sort()).toEqual(['a', 'b']);
    await vi.advanceTimersByTimeAsync(50_000);
    expect(asked.length).toBe(12);
  });

  test('are made every second while the clock is not verified, and one at a time', async () => {
    const { start, asked } = makeVerifier({ a: { takes: Infinity } });
    start();
    await vi.advanceTimersByTimeAsync(20_500);
    // Each times out after two seconds.
    expect(asked.length).toBeGreaterThanOrEqual(7);
    expect(asked.length).toBeLessThanOrEqual(11);
  });

  test('that begin with a step are shared by all waiting writes', async () => {
    const { host, start, verifier, asked } = makeVerifier({ a: { takes: 100 } });
    start();
    await vi.advanceTimersByTimeAsync(1_050);
    host.ahead = HOUR;
    const begun = asked.length;
    const writes = Array.from({ length: 50 }, () => verifier.verified().catch(() => 'refused'));
    await vi.advanceTimersByTimeAsync(110);
    expect(new Set(await Promise.all(writes))).toEqual(new Set(['refused']));
    expect(asked.length).toBe(begun + 1);
  });

  test('that end after their round change nothing', async () => {
    const nodes: Record<string, Node> = {
      a: { ahead: HOUR },
      b: { ahead: HOUR },
      late: { ahead: HOUR, takes: 3_500 },
    };
    const { clock, start } = makeVerifier(nodes);
    start();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(clock.problem()).toContain('behind');
    nodes['a'] = nodes['b'] = nodes['late'] = {};
    await vi.advanceTimersByTimeAsync(1_700);
    expect(clock.isVerified()).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(clock.isVerified()).toBe(true);
  });

  test('end with the service', async () => {
    const { start, verifier, asked } = makeVerifier({ a: {} });
    start();
    await vi.advanceTimersByTimeAsync(100);
    verifier.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual(['a']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the log', () => {
  test('names a node once when it differs from the majority, and once when it agrees again', async () => {
    const nodes: Record<string, Node> = { a: {}, b: { ahead: HOUR }, c: {} };
    const { start, lines } = makeVerifier(nodes);
    start();
    await vi.advanceTimersByTimeAsync(60_000);
    const logged = () =>
      lines
        .filter(({ message }) => message.includes('Cassandra node'))
        .map(({ level, fields }) => [level, fields]);
    expect(logged()).toEqual([['warn', { node: 'b', offsetMs: expect.closeTo(HOUR, -1) as number }]]);
    nodes['b'] = {};
    await vi.advanceTimersByTimeAsync(60_000);
    expect(logged().slice(1)).toEqual([['info', { node: 'b' }]]);
  });

  test('says once that writes are refused, and once that they are accepted again', async () => {
    const { host, start, lines } = makeVerifier({ a: {} });
    start();
    await vi.advanceTimersByTimeAsync(30_000);
    host.ahead = HOUR;
    await vi.advanceTimersByTimeAsync(30_000);
    host.ahead = 0;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(lines.map(({ level, message }) => [level, message])).toEqual([
      ['info', "The clock of this host agrees with Cassandra's; writes are accepted."],
      ['error', expect.stringMatching(/ms ahead of Cassandra's.* Writes are refused\.$/)],
      ['info', "The clock of this host agrees with Cassandra's again; writes are accepted."],
    ]);
  });
});
