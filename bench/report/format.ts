import type { Measured } from '../statistics.ts';

/** Formats a number with three significant digits, or all integer digits. */
export function figure(value: number): string {
  if (Math.abs(value) >= 1000 || Number.isInteger(value)) return Math.round(value).toLocaleString('en');
  if (Math.abs(value) >= 100) return value.toFixed(0);
  if (Math.abs(value) >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

/** Formats a median with its spread. */
export function spread({ median, low, high }: Measured): string {
  return `${figure(median)} (${figure(low)}–${figure(high)})`;
}
