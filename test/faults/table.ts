import { isFailure, type Row } from './testbed.ts';

/** The head of the Markdown table of `rowOf`; times are in milliseconds. */
export const TABLE_HEAD = [
  '| scenario | fault or load | requests | failed | p50 | p99 | slowest | observations |',
  '| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |',
].join('\n');

/** A row of the table. */
export function rowOf(scenario: string, { action, attempts, seen = '' }: Row): string {
  const numbers = attempts === undefined ? ['', '', '', '', ''] : numbersOf(attempts);
  return `| ${[scenario, action, ...numbers, seen].join(' | ')} |`;
}

function numbersOf(attempts: NonNullable<Row['attempts']>): string[] {
  const times = attempts.map(({ took }) => took).sort((a, b) => a - b);
  const within = (share: number): string => percentile(times, share)?.toFixed(0) ?? '';
  return [
    String(attempts.length),
    String(attempts.filter(isFailure).length),
    within(0.5),
    within(0.99),
    within(1),
  ];
}

/** The percentile by nearest rank. `times` are sorted. */
export function percentile(times: readonly number[], share: number): number | undefined {
  return times[Math.ceil(share * times.length) - 1];
}
