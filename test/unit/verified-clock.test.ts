import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coarseTime } from '../../src/adapters/system/clock.ts';
import {
  SHORTEST_VALIDITY_MS,
  VerifiedClock,
  type ClockReading,
  type ClockAssessment,
} from '../../src/adapters/system/verified-clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { millisecondsOf } from '../../src/domain/time.ts';
import { FakeTime } from '../support/fake-time.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const TEN_YEARS = 3_652 * 24 * HOUR;

/** A node: how far its clock is ahead of the true time, and its response time. */
interface Node {
  readonly ahead?: number;
  readonly roundTrip?: number;
}

/** A host whose wall clock is `ahead` of the true time, with a clock that is compared with nodes. */
function makeHost(ahead = 0, options: { readonly validForMs?: number } = {}) {
  const time = new FakeTime(NOON + ahead);
  let trueTime = NOON;
  const clock = new VerifiedClock({ sources: time, maxSkewMs: 2 * SECOND, ...options });
  const pass = (milliseconds: number): void => {
    time.pass(milliseconds);
    trueTime += milliseconds;
  };
  /** Asks the nodes in parallel; a response has the node's clock in the middle of the round trip. */
  const readings = (nodes: Readonly<Record<string, Node>>): ClockReading[] => {
    const sent = clock.instant();
    const begun = trueTime;
    return Object.entries(nodes)
      .map(([node, { ahead: nodeAhead = 0, roundTrip = 2 }]) => ({ node, nodeAhead, roundTrip }))
      .sort((a, b) => a.roundTrip - b.roundTrip)
      .map(({ node, nodeAhead, roundTrip }) => {
        pass(begun + roundTrip - trueTime);
        return { node, time: begun + roundTrip / 2 + nodeAhead, sent, received: clock.instant() };
      });
  };
  return {
    clock,
    time,
    pass,
    readings,
    trueTime: () => trueTime,
    measure: (nodes: Readonly<Record<string, Node>>): ClockAssessment =>
      clock.take(readings(nodes), Object.keys(nodes).length),
    /** The difference of the clock to the true time. */
    error: () => clock.now() / 1_000 - trueTime,
  };
}

const RIGHT = { a: {}, b: {}, c: {} };

describe('a clock', () => {
  test('is not verified before the first measurement', () => {
    const { clock } = makeHost();
    expect(clock.isVerified()).toBe(false);
    expect(clock.needsMeasurement()).toBe(false);
    expect(clock.problem()).toContain('could not yet be compared');
  });

  test('is verified if the nodes agree with it', () => {
    const { clock, measure, error } = makeHost();
    expect(measure(RIGHT)).toMatchObject({ verdict: 'verified' });
    expect(clock.isVerified()).toBe(true);
    expect(clock.problem()).toBeNull();
    expect(Math.abs(error())).toBeLessThan(1);
  });

  test.each([
    ['ten years ahead', TEN_YEARS, 'ahead of'],
    ['at 1970', -NOON, 'behind'],
    ['5 s behind', -5 * SECOND, 'behind'],
    ['2.1 s ahead', 2_100, 'ahead of'],
  ])('that is %s is not verified, and says so', (_, ahead, direction) => {
    const { clock, measure } = makeHost(ahead);
    expect(measure(RIGHT).verdict).toBe('differs');
    expect(clock.isVerified()).toBe(false);
    expect(clock.problem()).toContain(`${Math.abs(ahead)} ms ${direction} Cassandra's`);
    expect(clock.offsetMs).toBeCloseTo(-ahead, 3);
  });

  test.each([1_900, -1_900])('is verified if it is %i ms ahead, which is within the limit', (ahead) => {
    const { clock, measure, error } = makeHost(ahead);
    measure(RIGHT);
    expect(clock.isVerified()).toBe(true);
    expect(error()).toBeCloseTo(ahead, 0);
  });

  test('that was wrong is verified after it is corrected', () => {
    const { clock, time, measure, error } = makeHost(TEN_YEARS);
    measure(RIGHT);
    time.step(-TEN_YEARS);
    expect(clock.isVerified()).toBe(false);
    measure(RIGHT);
    expect(clock.isVerified()).toBe(true);
    expect(Math.abs(error())).toBeLessThan(1);
  });

  test('that is wrong shows the time of the majority to reads', () => {
    const { measure, error, clock } = makeHost(TEN_YEARS);
    measure(RIGHT);
    expect(Math.abs(error())).toBeLessThan(2);
    expect(clock.latest()).toBe(clock.now());
  });
});

describe('measurements', () => {
  test('that take longer than the allowed skew are ignored', () => {
    const { clock, measure } = makeHost(-5 * SECOND);
    expect(measure({ a: { roundTrip: 2_001 } }).verdict).toBe('undecided');
    expect(clock.problem()).toContain('could not yet be compared');
    const right = makeHost();
    expect(right.measure({ a: { roundTrip: 2_001 } }).verdict).toBe('undecided');
    expect(right.measure({ a: { roundTrip: 1_999 } }).verdict).toBe('verified');
  });

  test('that do not decide on which side of the limit the clock is change nothing', () => {
    const { clock, measure, time } = makeHost(-2_100);
    expect(measure({ a: { roundTrip: 400 } }).verdict).toBe('undecided');
    expect(clock.isVerified()).toBe(false);
    expect(measure({ a: { roundTrip: 2 } }).verdict).toBe('differs');
    time.step(2_100);
    measure({ a: {} });
    expect(clock.isVerified()).toBe(true);
    expect(measure({ a: { roundTrip: 400, ahead: -1_900 } }).verdict).toBe('undecided');
    expect(clock.isVerified()).toBe(true);
  });

  test('during which the wall clock was set are ignored', () => {
    const { clock, time, readings } = makeHost();
    const before = readings(RIGHT);
    time.step(HOUR);
    expect(clock.take(before, 3).verdict).toBe('undecided');
    const suspended = makeHost();
    suspended.measure(RIGHT);
    const asked = suspended.readings(RIGHT);
    suspended.time.step(HOUR);
    expect(suspended.clock.take(asked, 3).verdict).toBe('undecided');
  });

  test('that are missing decide nothing, and a verified clock goes on', () => {
    const { clock, measure, pass, error } = makeHost();
    expect(clock.take([], 3).verdict).toBe('undecided');
    measure(RIGHT);
    pass(HOUR);
    expect(clock.take([], 3).verdict).toBe('undecided');
    expect(clock.isVerified()).toBe(true);
    expect(Math.abs(error())).toBeLessThan(1);
  });

  test('decide as soon as a majority of the nodes that were asked has answered', () => {
    const { clock, readings } = makeHost();
    const [first, second] = readings(RIGHT) as [ClockReading, ClockReading, ClockReading];
    expect(clock.take([first], 3).verdict).toBe('undecided');
    expect(clock.take([first, second], 3).verdict).toBe('verified');
  });
});

describe('the majority of nodes', () => {
  test('decides, and a node that differs from it is reported', () => {
    const { clock, measure } = makeHost();
    const { verdict, outliers } = measure({ a: {}, b: { ahead: HOUR }, c: {} });
    expect(verdict).toBe('verified');
    expect([...outliers]).toEqual([['b', expect.closeTo(HOUR, 0)]]);
    expect(clock.isVerified()).toBe(true);
  });

  test('decides also against this host and the node that agrees with it', () => {
    const { clock, measure } = makeHost(-HOUR);
    const { verdict, outliers } = measure({ a: {}, b: { ahead: -HOUR }, c: {} });
    expect(verdict).toBe('differs');
    expect([...outliers.keys()]).toEqual(['b']);
    expect(clock.isVerified()).toBe(false);
  });

  test('is the only node if there is one', () => {
    expect(makeHost().measure({ a: {} }).verdict).toBe('verified');
    expect(makeHost(HOUR).measure({ a: {} }).verdict).toBe('differs');
  });

  test('is missing if two nodes differ, so the clock is not verified', () => {
    const { clock, measure } = makeHost();
    expect(measure({ a: {}, b: { ahead: HOUR } }).verdict).toBe('no_majority');
    expect(clock.problem()).toContain('differ from each other');
    measure({ a: {}, b: {} });
    expect(clock.isVerified()).toBe(true);
    expect(measure({ a: {}, b: { ahead: HOUR } }).verdict).toBe('no_majority');
    expect(clock.isVerified()).toBe(false);
  });

  test('is missing if three nodes all differ', () => {
    expect(makeHost().measure({ a: {}, b: { ahead: HOUR }, c: { ahead: -HOUR } }).verdict).toBe(
      'no_majority',
    );
  });

  test('is not half of them', () => {
    const nodes = { a: {}, b: {}, c: { ahead: HOUR }, d: { ahead: HOUR } };
    expect(makeHost().measure(nodes).verdict).toBe('no_majority');
    expect(makeHost(HOUR).measure(nodes).verdict).toBe('no_majority');
  });

  test('is not a minority of nodes that answered', () => {
    const { clock, readings } = makeHost();
    expect(clock.take(readings({ a: {} }), 3).verdict).toBe('undecided');
    expect(clock.take(readings({ a: {}, b: { ahead: HOUR } }), 3).verdict).toBe('undecided');
  });

  test('decides correctly for any responses of a minority, at any time', () => {
    const node = fc.record({
      ahead: fc.oneof(fc.integer({ min: -TEN_YEARS, max: TEN_YEARS }), fc.constantFrom(0, 3_000, -3_000)),
      roundTrip: fc.integer({ min: 0, max: 5_000 }),
    });
    const right = fc.record({ roundTrip: fc.integer({ min: 0, max: 300 }) });
    const nodes = fc
      .array(node, { maxLength: 4 })
      .chain((minority) =>
        fc
          .array(right, { minLength: minority.length + 1, maxLength: minority.length + 2 })
          .map((majority) =>
            Object.fromEntries([...majority, ...minority].map((n, index) => [`n${index}`, n])),
          ),
      );
    const ahead = fc
      .oneof(fc.constantFrom(0, 1_000, -1_000, 3_000, -3_000), fc.integer())
      // Closer to the limit than the measurement error, it may stay undecided.
      .filter((milliseconds) => Math.abs(Math.abs(milliseconds) - 2_000) > 400);
    fc.assert(
      fc.property(ahead, nodes, (hostAhead, asked) => {
        const { clock, readings } = makeHost(hostAhead);
        const all = readings(asked);
        for (let count = 0; count <= all.length; count += 1) {
          clock.take(all.slice(0, count), all.length);
          // Partial responses never verify a wrong clock.
          if (Math.abs(hostAhead) > 2_000) expect(clock.isVerified()).toBe(false);
        }
        expect(clock.isVerified()).toBe(Math.abs(hostAhead) < 2_000);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a verified clock', () => {
  test.each([
    ['ahead', HOUR],
    ['back', -HOUR],
    ['ahead by 60 ms', 60],
    ['back by 60 ms', -60],
  ])('does not follow a wall clock that is set %s, and has to be measured', (_, step) => {
    const { clock, time, measure, error } = makeHost();
    measure(RIGHT);
    time.step(step);
    expect(Math.abs(error())).toBeLessThan(1);
    expect(clock.isVerified()).toBe(false);
    expect(clock.needsMeasurement()).toBe(true);
    expect(clock.problem()).toContain('was set');
  });

  test('ignores a small correction', () => {
    const { clock, time, measure } = makeHost();
    measure(RIGHT);
    time.step(40);
    expect(clock.isVerified()).toBe(true);
    time.step(-80);
    expect(clock.isVerified()).toBe(true);
  });

  test('stays verified if the wall clock is set back to the correct time', () => {
    const { clock, time, measure } = makeHost();
    measure(RIGHT);
    time.step(HOUR);
    time.step(-HOUR);
    expect(clock.isVerified()).toBe(true);
  });

  test('that was set wrong is not verified by a measurement, and recovers when it is corrected', () => {
    const { time, measure, error } = makeHost();
    measure(RIGHT);
    time.step(HOUR);
    expect(measure(RIGHT).verdict).toBe('differs');
    expect(Math.abs(error())).toBeLessThan(2);
    time.step(-HOUR);
    expect(measure(RIGHT).verdict).toBe('verified');
    expect(Math.abs(error())).toBeLessThan(1);
  });

  test('makes no ids at the time of nodes that are all wrong, and treats sends in progress as late by it', () => {
    const { clock, measure, pass, trueTime } = makeHost();
    const messageIds = makeMessageIds({ clock, maxClockSkew: 2_000_000 });
    measure(RIGHT);
    const error = () => millisecondsOf(messageIds.next()) - trueTime();
    expect(measure({ a: { ahead: HOUR }, b: { ahead: HOUR }, c: {} }).verdict).toBe('differs');
    // The late event of a send that is in progress.
    expect(Math.abs(error())).toBeLessThan(2);
    expect((clock.latest() - clock.now()) / 1_000).toBeCloseTo(HOUR, -1);
    measure(RIGHT);
    pass(1);
    expect(clock.latest()).toBeLessThan((trueTime() + SECOND) * 1_000);
    expect(Math.abs(error())).toBeLessThan(2);
  });

  test('that went wrong computes the age of sends in progress from the nodes', () => {
    const { clock, measure } = makeHost();
    measure(RIGHT);
    // The host, with its wall clock, was suspended for an hour.
    const nodes = { a: { ahead: HOUR }, b: { ahead: HOUR }, c: { ahead: HOUR } };
    expect(measure(nodes).verdict).toBe('differs');
    expect((clock.latest() - clock.now()) / 1_000).toBeCloseTo(HOUR, -1);
  });

  test('is correct after a suspension in which only the wall clock advances', () => {
    const host = makeHost();
    host.measure(RIGHT);
    host.time.step(HOUR);
    // The age of sends in progress is computed from the wall clock.
    expect(host.clock.latest() - host.clock.now()).toBeCloseTo(HOUR * 1_000, -4);
    expect(host.clock.isVerified()).toBe(false);
    const nodes = { a: { ahead: HOUR }, b: { ahead: HOUR }, c: { ahead: HOUR } };
    expect(host.measure(nodes).verdict).toBe('verified');
    expect(host.error()).toBeCloseTo(HOUR, 0);
  });

  test('follows the slewing of the wall clock from measurement to measurement', () => {
    const { clock, time, measure, pass } = makeHost();
    for (let round = 0; round < 100; round += 1) {
      measure(RIGHT);
      expect(clock.isVerified()).toBe(true);
      pass(10 * SECOND);
      time.step(5);
    }
    expect(clock.now() / 1_000).toBeCloseTo(time.wall() - 5, -1);
  });

  test('whose monotonic clock drifts must be measured again', () => {
    const { clock, time, measure } = makeHost();
    measure(RIGHT);
    time.drift(60);
    expect(clock.needsMeasurement()).toBe(true);
    measure(RIGHT);
    expect(clock.isVerified()).toBe(true);
  });

  test('stays verified only while its drift is within the limit', () => {
    const { clock, measure, pass } = makeHost();
    measure(RIGHT);
    pass(4_000 * SECOND);
    expect(clock.isVerified()).toBe(true);
    pass(1);
    expect(clock.isVerified()).toBe(false);
    expect(clock.needsMeasurement()).toBe(true);
    measure(RIGHT);
    expect(clock.isVerified()).toBe(true);
  });

  test('never steps back by more than the wall clock’s millisecond through measurements alone', () => {
    const { clock, measure, pass } = makeHost(0.7);
    measure(RIGHT);
    let last = clock.now();
    for (let round = 0; round < 1_000; round += 1) {
      pass(0.3);
      measure(RIGHT);
      expect(clock.now()).toBeGreaterThan(last - 1_000);
      last = clock.now();
    }
  });

  test('does not count as stepped if the process is interrupted between reading its two sources', () => {
    let interruptions = 0;
    const time = new FakeTime(NOON);
    const clock = new VerifiedClock({
      sources: {
        monotonic: time.monotonic,
        wall: () => {
          const shown = time.wall();
          if (interruptions-- > 0) time.pass(200);
          return shown;
        },
      },
      maxSkewMs: 2_000,
    });
    const sent = clock.instant();
    clock.take([{ node: 'a', time: time.wall(), sent, received: clock.instant() }], 1);
    interruptions = 3;
    expect(clock.isVerified()).toBe(true);
  });
});

describe('at the edge, where only a wall clock exists and stands still within a request', () => {
  function makeEdge(wallNow: () => number) {
    const clock = new VerifiedClock({
      sources: coarseTime(wallNow),
      maxSkewMs: 2_000,
      validForMs: SHORTEST_VALIDITY_MS,
    });
    return {
      clock,
      measure: (time: number, answer: () => void) => {
        const sent = clock.instant();
        answer();
        return clock.take([{ node: 'a', time, sent, received: clock.instant() }], 1);
      },
    };
  }

  test('the clock is verified, and shows the wall clock’s millisecond', () => {
    let wall = NOON;
    const { clock, measure } = makeEdge(() => wall);
    expect(measure(NOON + 10, () => (wall += 20)).verdict).toBe('verified');
    expect(clock.isVerified()).toBe(true);
    for (let step = 0; step < 100; step += 1) {
      wall += step;
      const now = clock.now();
      expect(now).toBe(clock.now());
      expect(Math.abs(now / 1_000 - wall)).toBeLessThanOrEqual(1);
    }
  });

  test('a wrong clock is found', () => {
    let wall = NOON + TEN_YEARS;
    const { clock, measure } = makeEdge(() => wall);
    expect(measure(NOON, () => (wall += 20)).verdict).toBe('differs');
    expect(clock.isVerified()).toBe(false);
  });

  test('a verification is valid for half a minute, and not after a step back', () => {
    let wall = NOON;
    const { clock, measure } = makeEdge(() => wall);
    measure(NOON, () => undefined);
    wall += 29_990;
    expect(clock.isVerified()).toBe(true);
    wall += 20;
    expect(clock.needsMeasurement()).toBe(true);
    measure(wall, () => undefined);
    wall -= 100;
    expect(clock.needsMeasurement()).toBe(true);
    expect(measure(wall, () => (wall -= 50)).verdict).toBe('undecided');
  });
});
