import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeClock, makeCoarseClock } from '../../src/adapters/system/clock.ts';

const NOON = Date.UTC(2026, 0, 31, 12);

/** The times of a clock for this sequence of source times. */
function readings(sources: readonly (readonly [wall: number, monotonic: number])[]): number[] {
  let [wall, monotonic] = sources[0]!;
  const clock = makeClock({ wall: () => wall, monotonic: () => monotonic });
  return sources.map((source) => {
    [wall, monotonic] = source;
    return clock.now();
  });
}

describe('the clock', () => {
  test('shows the microseconds of the monotonic source within the millisecond of the wall clock', () => {
    expect(
      readings([
        [NOON, 100],
        [NOON, 100.25],
        [NOON, 100.5],
        [NOON + 1, 101.125],
      ]),
    ).toEqual([NOON * 1000, NOON * 1000 + 250, NOON * 1000 + 500, NOON * 1000 + 1125]);
  });

  test.each([
    ['ahead by an hour', 3_600_000],
    ['back by an hour', -3_600_000],
    ['ahead by two milliseconds', 2],
    ['back by two milliseconds', -2],
  ])('follows a wall that is set %s', (_, step) => {
    const [, after] = readings([
      [NOON, 100],
      [NOON + step, 100.5],
    ]);
    expect(Math.floor(after! / 1000)).toBe(NOON + step);
  });

  test('finds the start of a millisecond again after starting within one', () => {
    // The wall clock advances at 100.5, which a clock started at 100.25 cannot know.
    const shown = readings([
      [NOON, 100.25],
      [NOON + 1, 100.5],
      [NOON + 1, 101.25],
      [NOON + 2, 101.5],
      [NOON + 2, 101.75],
    ]);
    expect(shown).toEqual([0, 1000, 1750, 2000, 2250].map((microseconds) => NOON * 1000 + microseconds));
  });

  test('never leaves the millisecond of the wall clock, nor steps back while the wall clock does not', () => {
    const step = fc.record({
      wall: fc.oneof(fc.constantFrom(0, 0, 1, 1, 2), fc.integer({ min: -5000, max: 5000 })),
      monotonic: fc.double({ min: 0, max: 3, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.array(step), (start, steps) => {
        const sources: [number, number][] = [[NOON, start]];
        for (const { wall, monotonic } of steps) {
          const [lastWall, lastMonotonic] = sources.at(-1)!;
          sources.push([lastWall + wall, lastMonotonic + monotonic]);
        }
        const shown = readings(sources);
        for (const [index, now] of shown.entries()) {
          expect(Number.isInteger(now)).toBe(true);
          expect(Math.floor(now / 1000)).toBe(sources[index]![0]);
          const last = sources[index - 1];
          if (last !== undefined && last[0] <= sources[index]![0]) {
            expect(now).toBeGreaterThanOrEqual(shown[index - 1]!);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('shows the time of this host', () => {
    const before = Date.now();
    const now = makeClock().now() / 1000;
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThan(Date.now() + 1);
  });
});

describe('the coarse clock', () => {
  test('starts each millisecond at a random microsecond and stays there', () => {
    let wall = NOON;
    const chances = [0, 0.5, 0.9999].values();
    const clock = makeCoarseClock(
      () => wall,
      () => chances.next().value!,
    );
    expect([clock.now(), clock.now()]).toEqual([NOON * 1000, NOON * 1000]);
    wall += 1;
    expect([clock.now(), clock.now()]).toEqual([(NOON + 1) * 1000 + 500, (NOON + 1) * 1000 + 500]);
    wall -= 1;
    expect(clock.now()).toBe(NOON * 1000 + 999);
  });

  test('shows the time of this host', () => {
    const before = Date.now();
    const now = makeCoarseClock().now() / 1000;
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThan(Date.now() + 1);
  });
});
