/** The memory for request bodies that are still arriving, in bytes: for all of them, and for those of one caller. */
export interface BodyMemory {
  /** Takes `bytes` more for a caller, or returns false where there is no room. Null is a caller without a share. */
  reserve(key: string | null, bytes: number): boolean;
  /** Gives `bytes` back. */
  release(key: string | null, bytes: number): void;
}

/** Memory of `total` bytes, of which each key has at most `share`. */
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
