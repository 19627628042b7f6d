import type { Store } from 'cassandra-messenger-client';
import { useEffect } from 'preact/hooks';

/** Marks the open conversation as read when its last message is seen: in view, in a visible window. */
export function useMarkRead(
  store: Store,
  { isAtEnd, isLoaded, lastId }: { isAtEnd: boolean; isLoaded: boolean; lastId: string | null },
): void {
  useEffect(() => {
    if (!isAtEnd || !isLoaded || lastId === null) return undefined;
    const mark = (): void => {
      if (document.visibilityState === 'visible') store.markRead();
    };
    mark();
    document.addEventListener('visibilitychange', mark);
    return () => {
      document.removeEventListener('visibilitychange', mark);
    };
  }, [store, isAtEnd, isLoaded, lastId]);
}
