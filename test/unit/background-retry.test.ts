import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BackgroundRetry, type WithinLimit } from '../../src/adapters/cassandra/background-retry.ts';
import { Overload } from '../../src/application/overload.ts';
import { StorageFailure, type StorageFailureKind } from '../../src/application/ports/storage-failure.ts';
import type { ConversationId, MessageId, UserId } from '../../src/domain/ids.ts';
import type { Message } from '../../src/domain/message.ts';

const MESSAGE: Message = {
  id: '01a1fd74-4625-72f8-b641-abcf615ecce2' as MessageId,
  conversationId: '6f1c2f6e-6a53-5b0e-9d5e-0c7a3f1b8d24' as ConversationId,
  senderId: 'a' as UserId,
  receiverId: 'b' as UserId,
  content: 'secret',
  editId: null,
  deletionId: null,
};

function failing(kind: StorageFailureKind): Promise<void> {
  return Promise.reject(new StorageFailure(kind));
}

function makeRetry(deps: { withinLimit?: WithinLimit; random?: () => number } = {}): {
  retry: BackgroundRetry;
  lines: string[];
} {
  const lines: string[] = [];
  const say = (fields: object, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log = { info: say, warn: say, error: say };
  return { retry: new BackgroundRetry({ log, withinLimit: (work) => work(), ...deps }), lines };
}

describe('background retries', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('repeat a send with an unknown outcome until it succeeds', async () => {
    const { retry, lines } = makeRetry();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return attempts < 4 ? failing('unavailable') : Promise.resolve();
    };
    await expect(retry.watch(failing('outcome_unknown'), again, MESSAGE)).rejects.toThrow(StorageFailure);
    await vi.advanceTimersByTimeAsync(200_000);
    expect(attempts).toBe(4);
    expect(lines).toEqual([]);
  });

  it('do not repeat a send that succeeded or never began', async () => {
    const { retry } = makeRetry();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return Promise.resolve();
    };
    await retry.watch(Promise.resolve(), again, MESSAGE);
    await expect(retry.watch(failing('unavailable'), again, MESSAGE)).rejects.toThrow(StorageFailure);
    await vi.advanceTimersByTimeAsync(200_000);
    expect(attempts).toBe(0);
  });

  it('give up in the end, and log that without the content', async () => {
    const { retry, lines } = makeRetry();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return failing('unavailable');
    };
    await expect(retry.watch(failing('outcome_unknown'), again, MESSAGE)).rejects.toThrow(StorageFailure);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(attempts).toBe(9);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(MESSAGE.id);
    expect(lines[0]).not.toContain('secret');
  });

  it('are bounded in number', async () => {
    const { retry, lines } = makeRetry();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return Promise.resolve();
    };
    const sends = Array.from({ length: 1_005 }, () =>
      retry.watch(failing('outcome_unknown'), again, MESSAGE),
    );
    await Promise.allSettled(sends);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(attempts).toBe(1_000);
    expect(lines).toHaveLength(5);
  });

  it('stop after writes in progress have ended and waiting ones were tried once more', async () => {
    const { retry } = makeRetry();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return failing('unavailable');
    };
    await expect(retry.watch(failing('outcome_unknown'), again, MESSAGE)).rejects.toThrow(StorageFailure);
    let finish = (): void => undefined;
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    void retry.watch(slow, again, MESSAGE);
    let closed = false;
    const closing = retry.close().then(() => {
      closed = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(attempts).toBe(1);
    expect(closed).toBe(false);
    finish();
    await closing;
    expect(attempts).toBe(1);
  });

  it('are spread in time, so that sends which failed together are not retried together', async () => {
    const times: number[] = [];
    const draws = [0, 0.5, 0.999].values();
    const { retry } = makeRetry({ random: () => draws.next().value ?? 0 });
    const begun = Date.now();
    const again = (): Promise<void> => {
      times.push(Date.now() - begun);
      return Promise.resolve();
    };
    const sends = Array.from({ length: 3 }, () => retry.watch(failing('outcome_unknown'), again, MESSAGE));
    await Promise.allSettled(sends);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(times).toEqual([125, 250, 374]);
  });

  it('wait again if the concurrency limit is reached', async () => {
    let asked = 0;
    const withinLimit: WithinLimit = (work) => {
      asked += 1;
      return asked < 3 ? Promise.reject(new Overload()) : work();
    };
    const { retry, lines } = makeRetry({ withinLimit });
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return Promise.resolve();
    };
    await expect(retry.watch(failing('outcome_unknown'), again, MESSAGE)).rejects.toThrow(StorageFailure);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([asked, attempts, lines]).toEqual([3, 1, []]);
  });
});
