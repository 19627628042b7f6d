import type { Snapshot, Store } from 'cassandra-messenger-client';
import { useEffect, useState } from 'preact/hooks';

/** The time within which further changes are rendered together, in milliseconds. */
const RENDER_INTERVAL_MS = 50;

/** The snapshot of a store. The component renders again when it changes: at once, and then after pauses. */
export function useSnapshot(store: Store): Snapshot {
  const [snapshot, setSnapshot] = useState(() => store.getSnapshot());
  useEffect(() => {
    let pause: ReturnType<typeof setTimeout> | undefined;
    let hasChanged = false;
    const update = (): void => {
      hasChanged = true;
      if (pause === undefined) render();
    };
    const render = (): void => {
      pause = undefined;
      if (!hasChanged) return;
      hasChanged = false;
      setSnapshot(store.getSnapshot());
      pause = setTimeout(render, RENDER_INTERVAL_MS);
    };
    // It may have changed since the first rendering.
    update();
    const unsubscribe = store.subscribe(update);
    return () => {
      unsubscribe();
      clearTimeout(pause);
    };
  }, [store]);
  return snapshot;
}
