import { describe, expect, test } from 'vitest';
import { makeConcurrencyLimiter, Overload } from '../../src/application/concurrency-limiter.ts';
import { EFFECTS, type UseCases } from '../../src/application/use-cases.ts';

/** Room for `most` of use cases that answer when they are told how, at a time that a test moves. */
function open(most: number) {
  const asked: { resolve: (answer: null) => void; reject: (error: Error) => void }[] = [];
  const ask = () => new Promise((resolve, reject) => asked.push({ resolve, reject }));
  const names = Object.keys(EFFECTS);
  const useCases = Object.fromEntries(names.map((name) => [name, ask])) as unknown as UseCases;
  let milliseconds = 0;
  const clock = { now: () => milliseconds * 1_000 };
  const concurrencyLimiter = makeConcurrencyLimiter({ most, clock, useCases });
  return {
    ...concurrencyLimiter,
    asked,
    pass: (more: number): void => void (milliseconds += more),
    get: () => concurrencyLimiter.useCases.getUser({} as never),
    read: (query: { limit: number; page: number | null }) =>
      concurrencyLimiter.useCases.listMessagesBefore(query as never),
    list: (limit: number) => concurrencyLimiter.useCases.listConversations({ limit } as never),
  };
}

/** What follows an answer has happened. */
const settled = (): Promise<void> => new Promise(setImmediate);

describe('a bounded room', () => {
  test('takes as many as it holds, whatever they ask, and no more', async () => {
    const { asked, useCases, get, isFull } = open(2);
    void get();
    expect(isFull()).toBe(false);
    void useCases.saveUser({} as never);
    expect(isFull()).toBe(true);
    await expect(get()).rejects.toThrow(Overload);
    expect(asked).toHaveLength(2);
  });

  test('has room again after an answer and after a failure, for one', async () => {
    const { asked, get, isFull } = open(2);
    const answers = [get(), get()];
    asked[0]!.resolve(null);
    await answers[0];
    expect(isFull()).toBe(false);
    void get();
    expect(isFull()).toBe(true);
    asked[1]!.reject(new Error('lost'));
    await expect(answers[1]).rejects.toThrow('lost');
    expect(isFull()).toBe(false);
    void get();
    expect(isFull()).toBe(true);
  });

  test('counts a page like any other question', async () => {
    const { asked, list, isFull } = open(3);
    void list(100);
    void list(100);
    expect(isFull()).toBe(false);
    void list(1);
    expect(isFull()).toBe(true);
    asked[1]!.resolve(null);
    await settled();
    expect(isFull()).toBe(false);
  });

  test('serves 32 of the largest numbered pages at once, and no more than memory has room for', async () => {
    const { asked, read, isFull } = open(256);
    const answers = Array.from({ length: 34 }, () => read({ limit: 100, page: 1 }));
    expect(asked).toHaveLength(33);
    await expect(answers[33]).rejects.toThrow(Overload);
    expect(isFull()).toBe(false);
    asked[0]!.resolve(null);
    await settled();
    void read({ limit: 100, page: 1 });
    expect(asked).toHaveLength(34);
  });

  test('counts a page that follows a cursor as a mebibyte at most', () => {
    const { asked, read } = open(256);
    for (let count = 0; count < 64; count += 1) void read({ limit: 100, page: null });
    expect(asked).toHaveLength(64);
  });
});

test('does background work within the same limit, in a quarter of the room', async () => {
  const { get, run, isFull } = open(8);
  const ends: (() => void)[] = [];
  const work = () => run(() => new Promise<void>((resolve) => ends.push(resolve)));
  const running = [work(), work()];
  await expect(work()).rejects.toThrow(Overload);
  for (let count = 0; count < 6; count += 1) void get();
  expect(isFull()).toBe(true);
  for (const end of ends) end();
  await Promise.all(running);
  expect(isFull()).toBe(false);
  void get();
  void get();
  await expect(work()).rejects.toThrow(Overload);
});

test('tells how full it is, and how many found no room', async () => {
  const { asked, get, isFull, state } = open(2);
  expect(state()).toEqual({ inProgress: 0, limit: 2, rejected: 0 });
  void get();
  void get();
  expect(state()).toEqual({ inProgress: 2, limit: 2, rejected: 0 });
  await expect(get()).rejects.toThrow(Overload);
  expect(isFull()).toBe(true);
  asked[0]!.resolve(null);
  await settled();
  expect(state()).toEqual({ inProgress: 1, limit: 2, rejected: 2 });
});

describe('the size of the room', () => {
  /** Asks until there is no room, and has all of it answered when it is `done`; gives how many there were. */
  async function round(
    { asked, get, isFull, pass }: ReturnType<typeof open>,
    done: (taken: number) => number,
  ): Promise<number> {
    asked.length = 0;
    while (!isFull()) void get();
    const taken = asked.length;
    pass(done(taken));
    for (const { resolve } of asked) resolve(null);
    await settled();
    return taken;
  }

  test('grows while storage is quick and more is asked, up to its bound', async () => {
    const limit = open(256);
    const sizes: number[] = [];
    for (let count = 0; count < 200; count += 1) sizes.push(await round(limit, () => 50));
    expect(sizes[0]).toBe(64);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(sizes.at(-1)).toBe(256);
  });

  test('shrinks while storage is slow, down to what keeps it busy, and grows again', async () => {
    const limit = open(256);
    let size = 0;
    for (let count = 0; count < 20; count += 1) size = await round(limit, () => 1_000);
    expect(size).toBe(32);
    for (let count = 0; count < 200; count += 1) size = await round(limit, () => 50);
    expect(size).toBe(256);
  });

  test('finds the load at which a storage of a certain speed answers in a fifth of a second', async () => {
    const limit = open(256);
    const sizes: number[] = [];
    // It does one in a millisecond, all that wait for it in turn.
    for (let count = 0; count < 200; count += 1) {
      sizes.push(await round(limit, (taken) => taken));
    }
    const last = sizes.slice(100);
    expect(Math.min(...last)).toBeGreaterThan(130);
    expect(Math.max(...last)).toBeLessThan(240);
  });

  test('is not touched by the slow few', async () => {
    const limit = open(64);
    for (let count = 0; count < 100; count += 1) {
      limit.asked.length = 0;
      while (!limit.isFull()) void limit.get();
      const [quick, slow] = [limit.asked.slice(0, 40), limit.asked.slice(40)];
      limit.pass(50);
      for (const { resolve } of quick) resolve(null);
      await settled();
      limit.pass(5_000);
      for (const { resolve } of slow) resolve(null);
      await settled();
    }
    let taken = 0;
    while (!limit.isFull()) {
      void limit.get();
      taken += 1;
    }
    expect(taken).toBe(64);
  });
});
