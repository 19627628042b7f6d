import type { Hints } from '../../application/ports/hints.ts';
import type { UserId } from '../../domain/ids.ts';

/** Hints within this process. */
export function makeMemoryHints(): Hints {
  const listeners = new Map<UserId, Set<() => void>>();
  return {
    publish(userIds) {
      for (const userId of userIds) for (const call of listeners.get(userId) ?? []) call();
    },

    subscribe(userId, listener) {
      const own = listeners.get(userId) ?? new Set();
      listeners.set(userId, own);
      // A new function each time, so that each subscription is separate.
      const call = (): void => {
        listener();
      };
      own.add(call);
      return () => {
        own.delete(call);
        if (own.size === 0 && listeners.get(userId) === own) listeners.delete(userId);
      };
    },
  };
}
