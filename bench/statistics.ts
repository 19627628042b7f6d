/** A figure measured several times. */
export interface Measured {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The percentile `share` of `values` by nearest rank, so always one of the values. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('nothing was measured');
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(Math.ceil(share * sorted.length), 1) - 1] ?? NaN;
}

/** The median of `values`; for an even count, the mean of the two middle values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('nothing was measured');
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

/** The median of `values` with the lowest and the highest. */
export function measured(values: readonly number[]): Measured {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/**
 * The ratios of `ones` to `others` per round. A temporary slowdown of the machine affects both sides of a round and not
 * their ratio.
 */
export function ratios(first: readonly number[], second: readonly number[]): Measured {
  if (first.length !== second.length) throw new RangeError('the rounds do not pair');
  return measured(first.map((one, round) => one / (second[round] ?? NaN)));
}
