import type { Histogram } from 'prom-client';

/** The bucket bounds in seconds, from the duration of a request in memory to the request timeout. */
const BUCKET_BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5,
];

/** The durations with one set of labels. */
export interface Durations {
  add(milliseconds: number): void;
}

/**
 * A histogram of durations. The histogram of prom-client processes the labels at each observation, which takes more
 * than a microsecond, several times per request. This one processes them once.
 */
export class DurationHistogram<Label extends string> {
  readonly name: string;
  readonly #help: string;
  readonly #parts: (() => Value[])[] = [];

  constructor({ name, help }: { readonly name: string; readonly help: string }) {
    this.name = name;
    this.#help = help;
  }

  /** The durations with these labels. Call it once for each set of labels. */
  with(labels: Readonly<Record<Label, string>>): Durations {
    const counts = [...BUCKET_BOUNDS, Infinity].map(() => 0);
    let sum = 0;
    this.#parts.push(() => valuesOf(this.name, labels, counts, sum));
    return {
      add(milliseconds) {
        const seconds = milliseconds / 1_000;
        let index = 0;
        while (seconds > (BUCKET_BOUNDS[index] ?? Infinity)) index += 1;
        counts[index] = (counts[index] ?? 0) + 1;
        sum += seconds;
      },
    };
  }

  /** This histogram for a registry, which uses only the name and the values of a metric. */
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
      labels: { ...labels, le: String(BUCKET_BOUNDS[index] ?? '+Inf') },
      value: count,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
