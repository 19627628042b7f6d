import type { Store } from 'cassandra-messenger-client';
import { useEffect } from 'preact/hooks';

/**
 * Marks the open conversation as read when its end is seen: in view, in a visible window. `last` identifies what happened
 * last in it.
 */
export function useMarkRead(
  store: Store,
  { isAtEnd, isLoaded, last }: { isAtEnd: boolean; isLoaded: boolean; last: string | null },
): void {
  useEffect(() => {
    if (!isAtEnd || !isLoaded || last === null) return undefined;
    const mark = (): void => {
      if (document.visibilityState === 'visible') store.markRead();
    };
    mark();
    document.addEventListener('visibilitychange', mark);
    return () => {
      document.removeEventListener('visibilitychange', mark);
    };
  }, [store, isAtEnd, isLoaded, last]);
}
