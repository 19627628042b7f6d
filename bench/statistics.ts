/** A figure that was measured several times. */
export interface Measured {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The value that the share `share` of `values` does not exceed: the nearest rank, so always one of them. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('nothing was measured');
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(Math.ceil(share * sorted.length), 1) - 1] ?? NaN;
}

/** The middle one of `values`; between two in the middle, their mean. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('nothing was measured');
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

/** The median of `values` with their spread. */
export function measured(values: readonly number[]): Measured {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/**
 * `ones` against `others`, round by round: what slows a machine down for a while slows both of a round, and leaves
 * their ratio alone.
 */
export function ratios(ones: readonly number[], others: readonly number[]): Measured {
  if (ones.length !== others.length) throw new RangeError('the rounds do not pair');
  return measured(ones.map((one, round) => one / (others[round] ?? NaN)));
}
