/** Time as the client uses it. Tests replace it. */
export interface Timer {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Calls `act` once after `milliseconds`. The returned function cancels the call. */
  readonly after: (milliseconds: number, act: () => void) => () => void;
}

/** The time of this host. */
export const systemTimer: Timer = {
  now: () => Date.now(),
  after(milliseconds, act) {
    const timeout = setTimeout(act, milliseconds);
    return () => {
      clearTimeout(timeout);
    };
  },
};

/** Resolves after `milliseconds`, and as soon as `signal` aborts. */
export function pause(timer: Timer, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = timer.after(milliseconds, end);
    if (signal?.aborted) end();
    else signal?.addEventListener('abort', end);
  });
}

/**
 * The pause before attempt `attempt` (from 1) in milliseconds: it doubles from half a second to 15 seconds at most, of
 * which `random` (0 up to 1) takes away up to half, so that clients do not return all at once.
 */
export function backoffMs(attempt: number, random: () => number): number {
  return Math.min(15_000, 500 * 2 ** Math.min(attempt - 1, 10)) * (1 - random() / 2);
}
