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

/** The page, in a browser. */
interface PageDocument extends EventTarget {
  readonly visibilityState: string;
}

function pageDocument(): PageDocument | undefined {
  return (globalThis as { document?: PageDocument }).document;
}

/** Whether this is a page that is not visible, such as in a background tab. */
export function isHidden(): boolean {
  return pageDocument()?.visibilityState === 'hidden';
}

/** Calls `act` whenever the page is shown or hidden. The returned function ends that. */
export function onVisibility(act: () => void): () => void {
  const page = pageDocument();
  page?.addEventListener('visibilitychange', act);
  return () => {
    page?.removeEventListener('visibilitychange', act);
  };
}

/** Calls `act` whenever the browser reports that it is online again. The returned function ends that. */
export function onOnline(act: () => void): () => void {
  const host = globalThis as object as Partial<EventTarget>;
  host.addEventListener?.('online', act);
  return () => {
    host.removeEventListener?.('online', act);
  };
}

/**
 * Resolves after `milliseconds`; earlier if `signal` aborts, when a browser reports that it is online again, or when the
 * page is shown again.
 */
export function pause(timer: Timer, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      stopListening();
      stopWatching();
      resolve();
    };
    const stopWatching = onVisibility(() => {
      if (!isHidden()) end();
    });
    const stopListening = onOnline(end);
    const cancel = timer.after(milliseconds, end);
    if (signal.aborted) {
      end();
      return;
    }
    signal.addEventListener('abort', end);
  });
}

/**
 * The pause before attempt `attempt` (from 1) in milliseconds: it doubles from half a second to 15 seconds at most, of
 * which `random` (0 up to 1) subtracts up to half, so that clients do not all return at the same time.
 */
export function backoffMs(attempt: number, random: () => number): number {
  return Math.min(15_000, 500 * 2 ** Math.min(attempt - 1, 10)) * (1 - random() / 2);
}

/** A signal that aborts with `outer`, and with a reason of its own when a time limit passes. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Restarts the limit from now: then the signal aborts with `reason`. */
  readonly extend: (milliseconds: number, reason: Error) => void;
  /** Releases the resources of the signal. Must be called at the end. */
  readonly end: () => void;
}

export function makeDeadline(timer: Timer, outer: AbortSignal): Deadline {
  const controller = new AbortController();
  let cancel = (): void => undefined;
  const abort = (): void => {
    cancel();
    outer.removeEventListener('abort', abort);
    controller.abort(outer.reason);
  };
  if (outer.aborted) abort();
  else outer.addEventListener('abort', abort);
  return {
    signal: controller.signal,
    extend(milliseconds, reason) {
      cancel();
      if (controller.signal.aborted) return;
      cancel = timer.after(milliseconds, () => {
        controller.abort(reason);
      });
    },
    end: abort,
  };
}
