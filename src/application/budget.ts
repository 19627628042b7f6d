/** What is in use by all callers together and by each of them, within limits: bytes, or requests. */
export interface Budget {
  /** Reserves `amount`, or returns false if a limit would be exceeded. With a null key, only the total applies. */
  reserve(key: string | null, amount: number): boolean;
  /** Releases `amount`. */
  release(key: string | null, amount: number): void;
}

/** A budget of `total`, of which each key may hold at most `share`. Both are read at each reservation, so they may change. */
export function makeBudget(limits: { readonly total: number; readonly share: number }): Budget {
  let reserved = 0;
  const byKey = new Map<string, number>();
  return {
    reserve(key, amount) {
      const own = key === null ? 0 : (byKey.get(key) ?? 0) + amount;
      if (reserved + amount > limits.total || own > limits.share) return false;
      reserved += amount;
      if (key !== null) byKey.set(key, own);
      return true;
    },

    release(key, amount) {
      reserved -= amount;
      if (key === null) return;
      const own = (byKey.get(key) ?? 0) - amount;
      if (own > 0) byKey.set(key, own);
      else byKey.delete(key);
    },
  };
}
