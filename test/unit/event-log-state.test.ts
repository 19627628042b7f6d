import { describe, expect, it } from 'vitest';
import { startOf } from '../../src/adapters/cassandra/event-log-state.ts';

const DAY = 86_400_000;
const T0 = Date.UTC(2026, 0, 1);
const day = (n: number): number => T0 + n * DAY;

/** Retention changed from `from` to `to` days on day 100. */
function changed(from: number | null, to: number, completeSince = 0) {
  return {
    retentionDays: to,
    completeSince: new Date(completeSince),
    previousDays: from,
    changed: new Date(day(100)),
  };
}

describe('the event log is complete', () => {
  it('for the retention, where that never changed', () => {
    expect(startOf(day(200), 30, changed(null, 30))).toBe(day(170));
    expect(startOf(day(200), 30, null)).toBe(day(170));
  });

  it('since it was restored', () => {
    expect(startOf(day(200), 30, changed(null, 30, day(190)))).toBe(day(190));
  });

  it('for the shorter of the retention of this process and that of the others', () => {
    expect(startOf(day(200), 60, changed(null, 30))).toBe(day(170));
    expect(startOf(day(200), 7, changed(null, 30))).toBe(day(193));
  });

  it('after its retention was raised: for the old retention until what was written with it is beyond the new one', () => {
    const raised = changed(7, 30);
    expect(startOf(day(101), 30, raised)).toBe(day(94));
    expect(startOf(day(107), 30, raised)).toBe(day(100));
    // What was written with the old retention has expired by now; processes may have had it for a day longer.
    expect(startOf(day(115), 30, raised)).toBe(day(101));
    expect(startOf(day(131), 30, raised)).toBe(day(101));
    expect(startOf(day(140), 30, raised)).toBe(day(110));
  });

  it('after its retention was lowered: for the new retention at once', () => {
    expect(startOf(day(101), 7, changed(30, 7))).toBe(day(94));
  });
});
