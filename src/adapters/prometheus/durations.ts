import type { Histogram } from 'prom-client';

/** Seconds by which durations are told apart: from what memory takes to the time within which all is answered. */
const BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5,
];

/** How long the things took that have one set of labels. */
export interface Durations {
  add(milliseconds: number): void;
}

/**
 * A histogram of durations. That of prom-client looks at the labels anew with each observation, which takes more than
 * a microsecond, several times for a request; here they are looked at once.
 */
export class DurationHistogram<Label extends string> {
  readonly name: string;
  readonly #help: string;
  readonly #parts: (() => Value[])[] = [];

  constructor({ name, help }: { readonly name: string; readonly help: string }) {
    this.name = name;
    this.#help = help;
  }

  /** Where durations with these labels are added; to be asked for once for each set of labels. */
  with(labels: Readonly<Record<Label, string>>): Durations {
    const counts = [...BOUNDS, Infinity].map(() => 0);
    let sum = 0;
    this.#parts.push(() => valuesOf(this.name, labels, counts, sum));
    return {
      add(milliseconds) {
        const seconds = milliseconds / 1_000;
        let index = 0;
        while (seconds > (BOUNDS[index] ?? Infinity)) index += 1;
        counts[index] = (counts[index] ?? 0) + 1;
        sum += seconds;
      },
    };
  }

  /** As a registry takes it, which asks no more of a metric than its name and its values. */
  get metric(): Histogram {
    const { name } = this;
    const get = () =>
      Promise.resolve({
        name,
        help: this.#help,
        type: 'histogram',
        values: this.#parts.flatMap((values) => values()),
      });
    return { name, get } as unknown as Histogram;
  }
}

interface Value {
  readonly metricName: string;
  readonly labels: object;
  readonly value: number;
}

function valuesOf(name: string, labels: object, counts: readonly number[], sum: number): Value[] {
  let count = 0;
  const buckets = counts.map((more, index) => {
    count += more;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: String(BOUNDS[index] ?? '+Inf') },
      value: count,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
