/** A budget in bytes for request bodies that are still arriving: one in total, and one per caller. */
export interface BodyMemory {
  /** Reserves `bytes`, or returns false if the budget is exhausted. With a null key, only the total applies. */
  reserve(key: string | null, bytes: number): boolean;
  /** Releases `bytes`. */
  release(key: string | null, bytes: number): void;
}

/** A budget of `total` bytes, of which each key may hold at most `share`. */
export function makeBodyMemory({
  total,
  share,
}: {
  readonly total: number;
  readonly share: number;
}): BodyMemory {
  let reserved = 0;
  const byKey = new Map<string, number>();
  return {
    reserve(key, bytes) {
      const own = key === null ? 0 : (byKey.get(key) ?? 0) + bytes;
      if (reserved + bytes > total || own > share) return false;
      reserved += bytes;
      if (key !== null) byKey.set(key, own);
      return true;
    },

    release(key, bytes) {
      reserved -= bytes;
      if (key === null) return;
      const own = (byKey.get(key) ?? 0) - bytes;
      if (own > 0) byKey.set(key, own);
      else byKey.delete(key);
    },
  };
}
