import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventLogState, startOf } from '../../src/adapters/cassandra/event-log-state.ts';
import type { Row, Session } from '../../src/adapters/cassandra/session.ts';
import { millisecondsOf } from '../../src/domain/time.ts';

const DAY = 86_400_000;
const T0 = Date.UTC(2026, 0, 1);
const day = (n: number): number => T0 + n * DAY;

/** The retention changes from `from` to `to` days on day 100. */
function changed(from: number | null, to: number, completeSince = 0) {
  return {
    retentionDays: to,
    completeSince: new Date(completeSince),
    previousDays: from,
    changed: new Date(day(100)),
  };
}

describe('the event log is complete', () => {
  it('for the retention, if it never changed', () => {
    expect(startOf(day(200), 30, changed(null, 30))).toBe(day(170));
    expect(startOf(day(200), 30, null)).toBe(day(170));
  });

  it('since it was restored', () => {
    expect(startOf(day(200), 30, changed(null, 30, day(190)))).toBe(day(190));
  });

  it('for the shorter retention of this process and the others', () => {
    expect(startOf(day(200), 60, changed(null, 30))).toBe(day(170));
    expect(startOf(day(200), 7, changed(null, 30))).toBe(day(193));
  });

  it('after its retention was raised: for the old retention until its events are older than the new one', () => {
    const raised = changed(7, 30);
    expect(startOf(day(101), 30, raised)).toBe(day(94));
    expect(startOf(day(107), 30, raised)).toBe(day(100));
    // Events written with the old retention have expired; processes may have used it for a day longer.
    expect(startOf(day(115), 30, raised)).toBe(day(101));
    expect(startOf(day(131), 30, raised)).toBe(day(101));
    expect(startOf(day(140), 30, raised)).toBe(day(110));
  });

  it('after its retention was lowered: for the new retention at once', () => {
    expect(startOf(day(101), 7, changed(30, 7))).toBe(day(94));
  });
});

/** A session with the state row; `beforeTransaction` runs before each transaction, like a concurrent one. */
function stateTable(
  beforeTransaction: (row: Record<string, unknown> | null) => void = () => undefined,
): Session {
  let row: Record<string, unknown> | null = null;
  const compareAndSet = (query: string, params: readonly unknown[]): Row => {
    const [, assignments = '', conditions = ''] = /SET (.*) WHERE .*\sIF (.*)/s.exec(query) ?? [];
    const inserted = /\(name, (.*?)\)/.exec(query)?.[1]?.split(', ');
    const columns = inserted ?? [...assignments.matchAll(/(\w+) = \?/g)].map(([, name]) => name!);
    const compared = [...conditions.matchAll(/(\w+) = \?/g)].map(([, name]) => name!);
    const expected = params.slice(columns.length);
    const applies =
      inserted === undefined
        ? compared.every((name, index) => String(row?.[name]) === String(expected[index]))
        : row === null;
    if (applies) row = { ...row, ...Object.fromEntries(columns.map((name, index) => [name, params[index]])) };
    return { '[applied]': applies } as unknown as Row;
  };
  return {
    read: () => Promise.resolve(row === null ? [] : [row as unknown as Row]),
    writes: () => ({
      compareAndSet: (query: string, params: readonly unknown[]) => {
        beforeTransaction(row);
        return Promise.resolve(compareAndSet(query, params));
      },
    }),
  } as unknown as Session;
}

describe('a change of the retention', () => {
  it('keeps a concurrent declaration of an operator', async () => {
    const declared = new Date(day(50));
    const session = stateTable((row) => {
      if (row !== null) row['complete_since'] = declared;
    });
    const clock = { now: () => day(51) * 1_000 };
    await new EventLogState({ clock, retentionDays: 30 }).storeRetention(session);
    const changing = new EventLogState({ clock, retentionDays: 60 });
    await changing.storeRetention(session);
    await changing.refresh(session);
    expect(millisecondsOf(changing.start())).toBe(day(50));
  });
});

describe('with any number of retention changes', () => {
  /** Processes that start one after another: the days between them, and their retention. */
  const starts = fc.array(
    fc.record({
      after: fc.oneof(fc.double({ min: 0.01, max: 1.5, noNaN: true }), fc.integer({ min: 2, max: 90 })),
      days: fc.constantFrom(1, 2, 7, 30, 60),
    }),
    { minLength: 2, maxLength: 6 },
  );
  const later = fc.oneof(fc.double({ min: 0, max: 3, noNaN: true }), fc.integer({ min: 3, max: 100 }));

  it('the log is complete after its start, which is never within the last day', async () => {
    await fc.assert(
      fc.asyncProperty(starts, later, fc.constantFrom(1, 7, 60), async (processes, quiet, readerDays) => {
        const session = stateTable();
        let time = T0;
        const clock = { now: () => Math.floor(time) * 1_000 };
        const changes: { readonly at: number; readonly days: number }[] = [];
        for (const { after, days } of processes) {
          time += after * DAY;
          await new EventLogState({ clock, retentionDays: days }).storeRetention(session);
          changes.push({ at: time, days });
        }
        time += quiet * DAY;
        const reader = new EventLogState({ clock, retentionDays: readerDays });
        await reader.refresh(session);
        const start = millisecondsOf(reader.start());
        // Events of the last day exist with any retention.
        expect(start).toBeLessThanOrEqual(time - DAY);
        for (const [index, { at, days }] of changes.entries()) {
          // A process may write for a day after its replacement has started.
          const until = index + 1 < changes.length ? changes[index + 1]!.at + DAY : time;
          const expired = Math.min(time - (days + 1) * DAY, until);
          expect(Math.max(start, at)).toBeGreaterThanOrEqual(Math.min(expired, time) - 1);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
