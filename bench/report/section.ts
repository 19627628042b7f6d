/** A table of the report. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A goal and whether it is met. */
export interface Goal {
  readonly what: string;
  readonly wanted: string;
  readonly got: string;
  readonly met: boolean;
}

/** A group of bars in the chart: ratios and their goal. */
export interface Bars {
  readonly title: string;
  readonly goal: number;
  /** Whether the goal is a minimum or a maximum. */
  readonly goalIs: 'least' | 'most';
  readonly bars: readonly {
    readonly name: string;
    readonly ratio: number;
    readonly low: number;
    readonly high: number;
  }[];
}

/** A section and its duration. */
export interface Played extends Section {
  readonly seconds: number;
}

/** The results of one part of the benchmark. */
export interface Section {
  readonly title: string;
  /** A description of the method and the data. */
  readonly about: string;
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  readonly bars: readonly Bars[];
  /** All figures, as JSON. */
  readonly figures: unknown;
}
