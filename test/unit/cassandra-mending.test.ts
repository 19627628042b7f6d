import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Mending } from '../../src/adapters/cassandra/mending.ts';
import { StorageFailure, type StorageFailureKind } from '../../src/application/ports/storage-failure.ts';
import type { ConversationId, MessageId, UserId } from '../../src/domain/ids.ts';
import type { Message } from '../../src/domain/message.ts';

const MESSAGE: Message = {
  id: '01a1fd74-4625-72f8-b641-abcf615ecce2' as MessageId,
  conversationId: '6f1c2f6e-6a53-5b0e-9d5e-0c7a3f1b8d24' as ConversationId,
  senderId: 'a' as UserId,
  receiverId: 'b' as UserId,
  content: 'secret',
};

function failing(kind: StorageFailureKind): Promise<void> {
  return Promise.reject(new StorageFailure(kind));
}

function makeMending(): { mending: Mending; lines: string[] } {
  const lines: string[] = [];
  const say = (fields: object, sentence: string): void => {
    lines.push(`${sentence} ${JSON.stringify(fields)}`);
  };
  return { mending: new Mending({ log: { info: say, warn: say, error: say } }), lines };
}

describe('mending', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('goes on with a send whose outcome is unknown until it succeeds', async () => {
    const { mending, lines } = makeMending();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return attempts < 4 ? failing('unavailable') : Promise.resolve();
    };
    await expect(mending.watch(failing('outcome_unknown'), again, MESSAGE)).rejects.toThrow(StorageFailure);
    await vi.advanceTimersByTimeAsync(200_000);
    expect(attempts).toBe(4);
    expect(lines).toEqual([]);
  });

  it('lets a send alone that succeeded or never began', async () => {
    const { mending } = makeMending();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return Promise.resolve();
    };
    await mending.watch(Promise.resolve(), again, MESSAGE);
    await expect(mending.watch(failing('unavailable'), again, MESSAGE)).rejects.toThrow(StorageFailure);
    await vi.advanceTimersByTimeAsync(200_000);
    expect(attempts).toBe(0);
  });

  it('gives up in the end, and says so without the content', async () => {
    const { mending, lines } = makeMending();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return failing('unavailable');
    };
    await expect(mending.watch(failing('outcome_unknown'), again, MESSAGE)).rejects.toThrow(StorageFailure);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(attempts).toBe(9);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(MESSAGE.id);
    expect(lines[0]).not.toContain('secret');
  });

  it('mends a bounded number at once', async () => {
    const { mending, lines } = makeMending();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return Promise.resolve();
    };
    const sends = Array.from({ length: 1_005 }, () =>
      mending.watch(failing('outcome_unknown'), again, MESSAGE),
    );
    await Promise.allSettled(sends);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(attempts).toBe(1_000);
    expect(lines).toHaveLength(5);
  });

  it('closes when writes in progress have ended and what waits was tried once more', async () => {
    const { mending } = makeMending();
    let attempts = 0;
    const again = (): Promise<void> => {
      attempts += 1;
      return failing('unavailable');
    };
    await expect(mending.watch(failing('outcome_unknown'), again, MESSAGE)).rejects.toThrow(StorageFailure);
    let finish = (): void => undefined;
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    void mending.watch(slow, again, MESSAGE);
    let closed = false;
    const closing = mending.close().then(() => {
      closed = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(attempts).toBe(1);
    expect(closed).toBe(false);
    finish();
    await closing;
    expect(attempts).toBe(1);
  });
});
