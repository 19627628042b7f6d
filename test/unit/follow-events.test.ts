import { describe, expect, test } from 'vitest';
import { makeMemoryHints } from '../../src/adapters/memory/hints.ts';
import { makeFollowEvents } from '../../src/application/follow-events.ts';
import type { EventBatch, ListEvents } from '../../src/application/list-events.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { Timer } from '../../src/application/ports/timer.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { EventId, UserId } from '../../src/domain/ids.ts';
import { Refusal } from '../../src/domain/refusal.ts';
import { positionAt } from '../../src/domain/time.ts';

const anna = 'anna' as UserId;
const cursor = { floor: positionAt(1), delivered: new Set<string>() };
const query = { caller: SERVICE, userId: anna, cursor, limit: 10, maxBytes: 1_000, maxHashes: 10 };

/** A timer that a test moves. */
class FakeTimer implements Timer {
  #now = 0;
  readonly #waiting = new Set<{ readonly at: number; readonly callback: () => void }>();

  after(milliseconds: number, callback: () => void): () => void {
    const entry = { at: this.#now + milliseconds, callback };
    this.#waiting.add(entry);
    return () => this.#waiting.delete(entry);
  }

  /** Advances the time; timers run when they are due. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    await settled();
    for (;;) {
      const [next] = [...this.#waiting].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > until) break;
      this.#now = next.at;
      this.#waiting.delete(next);
      next.callback();
      await settled();
    }
    this.#now = until;
  }

  get size(): number {
    return this.#waiting.size;
  }
}

const settled = () => new Promise<undefined>((resolve) => setImmediate(resolve, undefined));

/** A log of events whose reads are counted. */
function followed() {
  const timer = new FakeTimer();
  const hints = makeMemoryHints();
  let serial = 0;
  const log = { reads: 0, waiting: 0, failure: null as Error | null, isFull: false, cursor };
  const listEvents: ListEvents = () => {
    log.reads += 1;
    if (log.failure !== null) return Promise.reject(log.failure);
    const events = Array.from({ length: log.waiting }, () => {
      const id = positionAt((serial += 1)) as EventId;
      return {
        id,
        type: 'conversation.read' as const,
        conversationId: '' as never,
        readerId: anna,
        readUpTo: id,
      };
    });
    log.waiting = 0;
    return Promise.resolve({ events, cursor: log.cursor, isComplete: !log.isFull });
  };
  const follow = makeFollowEvents({ listEvents, hints, timer, pollIntervalMs: 15_000, random: () => 1 });
  return { timer, hints, log, follow };
}

/** Reads that a test completes. `most` is the highest number of reads in progress. */
function pendingReads() {
  const pending: (() => void)[] = [];
  const reads = { inProgress: 0, most: 0, total: 0 };
  const listEvents: ListEvents = async () => {
    reads.total += 1;
    reads.inProgress += 1;
    reads.most = Math.max(reads.most, reads.inProgress);
    await new Promise<void>((resolve) => pending.push(resolve));
    reads.inProgress -= 1;
    return { events: [], cursor, isComplete: true };
  };
  /** Completes all reads, also those that begin meanwhile. */
  const complete = async (): Promise<void> => {
    await settled();
    while (pending.length > 0) {
      for (const end of pending.splice(0)) end();
      await settled();
    }
  };
  return { reads, listEvents, complete };
}

describe('followers that are woken at the same time', () => {
  function openFollowers(count: number) {
    const timer = new FakeTimer();
    const hints = makeMemoryHints();
    const { reads, listEvents, complete } = pendingReads();
    const follow = makeFollowEvents({ listEvents, hints, timer, pollIntervalMs: 15_000, random: () => 1 });
    const users = Array.from({ length: count }, (_, n) => `user-${n}` as UserId);
    const stop = new AbortController();
    const streams = users.map((userId) => collect(follow.stream({ ...query, userId }, stop.signal)));
    const ended = streams.map((stream) => stream.ended);
    return { timer, hints, reads, complete, users, stop, ended, batches: streams.map((one) => one.batches) };
  }

  test('read one after the other, so that they stay within the concurrency limit, and each of them reads', async () => {
    const { timer, hints, reads, complete, users, stop, ended } = openFollowers(256);
    await complete();
    await timer.pass(1_000);
    Object.assign(reads, { most: 0, total: 0 });
    hints.publish(users);
    await complete();
    expect(reads).toEqual({ inProgress: 0, most: 16, total: 256 });
    stop.abort();
    await complete();
    await Promise.all(ended);
  });

  test('go on with heartbeats while the reads of others hang', async () => {
    const { timer, hints, complete, users, stop, ended, batches } = openFollowers(256);
    await complete();
    await timer.pass(1_000);
    hints.publish(users);
    await timer.pass(20_000);
    expect(batches.filter(({ length }) => length > 1)).toHaveLength(256 - 16);
    // Queued reads end after the maximum wait, although no other read has ended.
    let open = ended.length;
    for (const one of ended) void one.then(() => (open -= 1));
    stop.abort();
    await timer.pass(3_000);
    expect(open).toBe(16);
    await complete();
    await Promise.all(ended);
    expect(timer.size).toBe(0);
  });

  test('do not read if they end while their read is queued', async () => {
    const { timer, hints, reads, complete, users, stop, ended } = openFollowers(256);
    await complete();
    await timer.pass(1_000);
    reads.total = 0;
    hints.publish(users);
    await settled();
    stop.abort();
    await complete();
    await Promise.all(ended);
    expect(reads.total).toBe(16);
    expect(timer.size).toBe(0);
  });
});

/** The batches of a stream. */
function collect(stream: AsyncGenerator<EventBatch, void, void>) {
  const batches: number[] = [];
  const ended = (async () => {
    for await (const { events } of stream) batches.push(events.length);
  })();
  return { batches, ended };
}

describe('a stream', () => {
  test('reads at once, on a hint and every fifteen seconds, and yields a batch at least as often', async () => {
    const { timer, hints, log, follow } = followed();
    const stop = new AbortController();
    const { batches, ended } = collect(follow.stream(query, stop.signal));
    await timer.pass(0);
    expect([log.reads, batches]).toEqual([1, [0]]);
    await timer.pass(1_000);
    log.waiting = 2;
    hints.publish([anna]);
    await timer.pass(0);
    expect([log.reads, batches]).toEqual([2, [0, 2]]);
    log.waiting = 1;
    await timer.pass(14_999);
    expect(log.reads).toBe(2);
    await timer.pass(101);
    expect([log.reads, batches]).toEqual([3, [0, 2, 1]]);
    await timer.pass(15_200);
    expect(batches).toEqual([0, 2, 1, 0]);
    stop.abort();
    await ended;
    expect(timer.size).toBe(0);
  });

  test('reads once for several fast hints, and ignores hints of another user', async () => {
    const { timer, hints, log, follow } = followed();
    const stop = new AbortController();
    const { ended } = collect(follow.stream(query, stop.signal));
    await timer.pass(1_000);
    for (let n = 0; n < 1_000; n += 1) {
      hints.publish([anna, 'ben' as UserId]);
      await timer.pass(1);
    }
    expect(log.reads).toBeGreaterThan(5);
    expect(log.reads).toBeLessThanOrEqual(12);
    const { reads } = log;
    await timer.pass(200);
    hints.publish(['ben' as UserId]);
    await timer.pass(200);
    expect(log.reads).toBeLessThanOrEqual(reads + 1);
    stop.abort();
    await ended;
  });

  test('reads less often the more events lie within the visibility window, since each read lists them again', async () => {
    const { timer, hints, log, follow } = followed();
    const stop = new AbortController();
    log.cursor = { ...cursor, delivered: new Set(Array.from({ length: 4_000 }, (_, n) => String(n))) };
    const { ended } = collect(follow.stream(query, stop.signal));
    for (let n = 0; n < 110; n += 1) {
      hints.publish([anna]);
      await timer.pass(100);
    }
    expect(log.reads).toBe(11);
    stop.abort();
    await ended;
  });

  test('does not miss a hint that comes while it reads or pauses', async () => {
    const { timer, hints, log, follow } = followed();
    const stop = new AbortController();
    const { batches, ended } = collect(follow.stream(query, stop.signal));
    await timer.pass(1_000);
    log.waiting = 1;
    hints.publish([anna]);
    await settled();
    log.waiting = 1;
    hints.publish([anna]);
    await timer.pass(100);
    expect(batches).toEqual([0, 1, 1]);
    stop.abort();
    await ended;
  });

  test('reads a backlog without a pause', async () => {
    const { timer, log, follow } = followed();
    const stop = new AbortController();
    log.isFull = true;
    log.waiting = 3;
    const stream = follow.stream(query, stop.signal);
    const batches: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      batches.push((await stream.next()).value?.events.length ?? -1);
      log.waiting = 3;
    }
    expect(batches).toEqual([3, 3, 3, 3, 3]);
    stop.abort();
    await stream.return();
    expect(timer.size).toBe(0);
  });

  test('rejects if the first read fails', async () => {
    const { timer, hints, log, follow } = followed();
    log.failure = new Refusal('cursor_expired', 'Too old.');
    await expect(follow.stream(query, new AbortController().signal).next()).rejects.toBe(log.failure);
    hints.publish([anna]);
    expect([log.reads, timer.size]).toEqual([1, 0]);
  });

  test('repeats failed reads a second apart, and sends heartbeats', async () => {
    const { timer, hints, log, follow } = followed();
    const stop = new AbortController();
    const { batches, ended } = collect(follow.stream(query, stop.signal));
    await timer.pass(1_000);
    log.failure = new StorageFailure('unavailable');
    for (let n = 0; n < 160; n += 1) {
      hints.publish([anna]);
      await timer.pass(100);
    }
    expect(log.reads).toBeLessThan(22);
    expect(batches).toEqual([0, 0]);
    log.failure = null;
    log.waiting = 1;
    await timer.pass(2_000);
    expect(batches).toEqual([0, 0, 1]);
    stop.abort();
    await ended;
  });

  test('ends if it has fallen behind the log', async () => {
    const { timer, log, follow } = followed();
    const { ended } = collect(follow.stream(query, new AbortController().signal));
    await timer.pass(1_000);
    log.failure = new Refusal('cursor_expired', 'Too old.');
    await timer.pass(20_000);
    await ended;
    expect(timer.size).toBe(0);
  });

  test('leaves no timer or listener when it is stopped, in any state', async () => {
    for (const when of [0, 50, 100, 5_000]) {
      const { timer, hints, log, follow } = followed();
      const stop = new AbortController();
      const { ended } = collect(follow.stream(query, stop.signal));
      await timer.pass(when);
      stop.abort();
      await ended;
      const { reads } = log;
      hints.publish([anna]);
      await timer.pass(60_000);
      expect([log.reads, timer.size]).toEqual([reads, 0]);
    }
  });
});

describe('a poll', () => {
  test('without a wait reads once', async () => {
    const { timer, log, follow } = followed();
    const { events } = await follow.poll({ ...query, waitMs: 0 }, new AbortController().signal);
    expect([events.length, log.reads, timer.size]).toEqual([0, 1, 0]);
  });

  test('is answered at once if there are events', async () => {
    const { timer, log, follow } = followed();
    log.waiting = 2;
    const { events } = await follow.poll({ ...query, waitMs: 25_000 }, new AbortController().signal);
    expect([events.length, log.reads, timer.size]).toEqual([2, 1, 0]);
  });

  test('is answered on a hint', async () => {
    const { timer, hints, log, follow } = followed();
    const poll = follow.poll({ ...query, waitMs: 25_000 }, new AbortController().signal);
    await timer.pass(3_000);
    log.waiting = 1;
    hints.publish([anna]);
    await timer.pass(0);
    expect([(await poll).events.length, log.reads, timer.size]).toEqual([1, 2, 0]);
  });

  test('reads every fifteen seconds and at its end', async () => {
    const { timer, log, follow } = followed();
    const poll = follow.poll({ ...query, waitMs: 25_000 }, new AbortController().signal);
    await timer.pass(24_999);
    expect(log.reads).toBe(2);
    log.waiting = 1;
    await timer.pass(1);
    expect([(await poll).events.length, log.reads, timer.size]).toEqual([1, 3, 0]);
  });

  test('passes over events that report nothing, a second apart, and is answered with the next one', async () => {
    const timer = new FakeTimer();
    const passed = { floor: positionAt(2), delivered: new Set<string>() };
    const reported = {
      id: positionAt(3) as EventId,
      type: 'conversation.read' as const,
      conversationId: '' as never,
      readerId: anna,
      readUpTo: positionAt(3) as EventId,
    };
    const listEvents: ListEvents = (asked) =>
      Promise.resolve(
        asked.cursor === passed
          ? { events: [reported], cursor: passed, isComplete: true }
          : { events: [], cursor: passed, isComplete: false },
      );
    const follow = makeFollowEvents({
      listEvents,
      hints: makeMemoryHints(),
      timer,
      pollIntervalMs: 15_000,
      random: () => 1,
    });
    const poll = follow.poll({ ...query, waitMs: 25_000 }, new AbortController().signal);
    await timer.pass(2_000);
    expect([(await Promise.race([poll, settled()]))?.events, timer.size]).toEqual([[reported], 0]);
  });

  test('ends when it is stopped', async () => {
    const { timer, follow } = followed();
    const stop = new AbortController();
    const poll = follow.poll({ ...query, waitMs: 25_000 }, stop.signal);
    await timer.pass(1_000);
    stop.abort();
    expect((await poll).events).toEqual([]);
    expect(timer.size).toBe(0);
  });
});
