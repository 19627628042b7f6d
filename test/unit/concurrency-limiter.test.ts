import { describe, expect, test } from 'vitest';
import { limitConcurrency, makeConcurrencyLimiter } from '../../src/application/concurrency-limiter.ts';
import { Overload } from '../../src/application/overload.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { USE_CASE_NAMES, type UseCases } from '../../src/application/use-cases.ts';

/** A limiter of at most `maxRequestsInFlight` use cases, which the test answers, with a clock that the test moves. */
function open(maxRequestsInFlight: number) {
  const asked: { resolve: (answer: null) => void; reject: (error: Error) => void }[] = [];
  const ask = () => new Promise((resolve, reject) => asked.push({ resolve, reject }));
  const useCases = Object.fromEntries(USE_CASE_NAMES.map((name) => [name, ask])) as unknown as UseCases;
  let milliseconds = 0;
  const clock = { now: () => milliseconds * 1_000 };
  const concurrencyLimiter = makeConcurrencyLimiter({ maxRequestsInFlight, clock });
  const limited = limitConcurrency(concurrencyLimiter, useCases);
  return {
    ...concurrencyLimiter,
    useCases: limited,
    asked,
    pass: (more: number): void => void (milliseconds += more),
    get: () => limited.getUser({} as never),
    read: (query: { limit: number; page: number | null }) => limited.listMessagesBefore(query as never),
    list: (limit: number) => limited.listConversations({ limit } as never),
  };
}

/** Waits until the effects of a response have happened. */
const settled = (): Promise<void> => new Promise(setImmediate);

describe('a concurrency limit', () => {
  test('admits as many requests as it allows, of any kind', async () => {
    const { asked, useCases, get, isFull } = open(2);
    void get();
    expect(isFull()).toBe(false);
    void useCases.saveUser({} as never);
    expect(isFull()).toBe(true);
    await expect(get()).rejects.toThrow(Overload);
    expect(asked).toHaveLength(2);
  });

  test('leaves half of it to others than one user', async () => {
    const { asked, useCases, state } = open(64);
    const readAs = (userId: string) => useCases.getUser({ caller: { kind: 'user', userId } } as never);
    for (let count = 0; count < 32; count += 1) void readAs('one');
    await expect(readAs('one')).rejects.toThrow(Overload);
    void readAs('another');
    void useCases.getUser({ caller: SERVICE } as never);
    expect(state().inProgress).toBe(34);
    asked[0]!.resolve(null);
    await settled();
    void readAs('one');
    expect(state().inProgress).toBe(34);
  });

  test('counts a request as many while it has reserved them, up to half of the limit', async () => {
    const { asked, get, isFull, reserve, state } = open(64);
    void get();
    const release = reserve(40);
    expect(state().inProgress).toBe(10);
    expect(isFull()).toBe(false);
    release();
    const whole = reserve(256);
    expect(state().inProgress).toBe(33);
    whole();
    expect(state().inProgress).toBe(1);
    asked[0]!.resolve(null);
    await settled();
    expect(state().inProgress).toBe(0);
  });

  test('keeps half of the limit for requests without reservations', async () => {
    const { get, isFull, reserve, state } = open(64);
    void get();
    const release = reserve(256);
    void get();
    expect(() => reserve(8)).toThrow(Overload);
    expect(state()).toMatchObject({ inProgress: 34, rejected: 1 });
    for (let count = 0; count < 30; count += 1) void get();
    expect(isFull()).toBe(true);
    await expect(get()).rejects.toThrow(Overload);
    release();
    expect(isFull()).toBe(false);
    reserve(8);
    expect(state().inProgress).toBe(33);
  });

  test('reserves nothing for a request if others fill the limit', () => {
    const { get, reserve, state } = open(2);
    void get();
    void get();
    const release = reserve(8);
    expect(state().inProgress).toBe(3);
    expect(() => reserve(8)).toThrow(Overload);
    release();
    expect(state().inProgress).toBe(2);
  });

  test('admits one more after an answer and after a failure', async () => {
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

  test('counts a page as one request', async () => {
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

  test('serves 32 of the largest numbered pages at once, as their bytes are limited', async () => {
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

test('admits background work up to a quarter of the limit', async () => {
  const { get, runInBackground, isFull } = open(8);
  const ends: (() => void)[] = [];
  const work = () => runInBackground(() => new Promise<void>((resolve) => ends.push(resolve)));
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

test('states how many are in progress and how many were rejected', async () => {
  const { asked, get, isFull, requireCapacity, state } = open(2);
  expect(state()).toEqual({ inProgress: 0, limit: 2, rejected: 0 });
  void get();
  void get();
  expect(state()).toEqual({ inProgress: 2, limit: 2, rejected: 0 });
  await expect(get()).rejects.toThrow(Overload);
  expect(isFull(), 'asking whether the limit is reached does not count as a rejection').toBe(true);
  expect(state().rejected).toBe(1);
  expect(requireCapacity).toThrow(Overload);
  asked[0]!.resolve(null);
  await settled();
  expect(requireCapacity).not.toThrow();
  expect(state()).toEqual({ inProgress: 1, limit: 2, rejected: 2 });
});

describe('the adaptive limit', () => {
  /** Sends requests until one is rejected, answers all when it is `done`; returns how many were admitted. */
  async function round(
    { asked, get, isFull, requireCapacity, pass }: ReturnType<typeof open>,
    done: (taken: number) => number,
  ): Promise<number> {
    asked.length = 0;
    while (!isFull()) void get();
    expect(requireCapacity).toThrow(Overload);
    const taken = asked.length;
    pass(done(taken));
    for (const { resolve } of asked) resolve(null);
    await settled();
    return taken;
  }

  test('grows while storage is fast and requests are rejected, up to its maximum', async () => {
    const limit = open(256);
    const sizes: number[] = [];
    for (let count = 0; count < 200; count += 1) sizes.push(await round(limit, () => 50));
    expect(sizes[0]).toBe(64);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(sizes.at(-1)).toBe(256);
  });

  test('shrinks to its minimum while storage is slow, and grows again', async () => {
    const limit = open(256);
    let size = 0;
    for (let count = 0; count < 20; count += 1) size = await round(limit, () => 1_000);
    expect(size).toBe(32);
    for (let count = 0; count < 200; count += 1) size = await round(limit, () => 50);
    expect(size).toBe(256);
  });

  test('shrinks while storage is slow, also if most requests are rejected by another limit', async () => {
    const limit = open(256);
    let size = 0;
    for (let count = 0; count < 20; count += 1) {
      for (let rejected = 0; rejected < 300; rejected += 1) {
        const answer = limit.get();
        limit.asked.at(-1)?.reject(new Overload());
        await expect(answer).rejects.toThrow(Overload);
      }
      size = await round(limit, () => 1_000);
    }
    expect(size).toBe(32);
  });

  test('settles where storage answers in a fifth of a second', async () => {
    const limit = open(256);
    const sizes: number[] = [];
    // It handles one request per millisecond, in sequence.
    for (let count = 0; count < 200; count += 1) {
      sizes.push(await round(limit, (taken) => taken));
    }
    const last = sizes.slice(100);
    expect(Math.min(...last)).toBeGreaterThan(130);
    expect(Math.max(...last)).toBeLessThan(240);
  });

  test('others are admitted while one client sends to a large group without pause, however slow storage is', async () => {
    const { useCases, reserve, get, asked, pass } = open(64);
    let admitted = 0;
    for (let count = 0; count < 100; count += 1) {
      asked.length = 0;
      void useCases.sendToConversation({} as never);
      const release = reserve(256);
      for (let other = 0; other < 10; other += 1) {
        const answer = get().then(
          () => (admitted += 1),
          () => undefined,
        );
        pass(5);
        asked.at(-1)?.resolve(null);
        await answer;
      }
      pass(400);
      release();
      asked[0]?.resolve(null);
      await settled();
    }
    expect(admitted).toBe(1_000);
  });

  test('ignores a minority of slow answers', async () => {
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
