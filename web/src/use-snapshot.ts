import type { Snapshot, Store } from 'cassandra-messenger-client';
import { useEffect, useState } from 'preact/hooks';

/** The snapshot of a store. The component renders again when it changes. */
export function useSnapshot(store: Store): Snapshot {
  const [snapshot, setSnapshot] = useState(() => store.getSnapshot());
  useEffect(() => {
    const update = (): void => {
      setSnapshot(store.getSnapshot());
    };
    // It may have changed since the first rendering.
    update();
    return store.subscribe(update);
  }, [store]);
  return snapshot;
}
