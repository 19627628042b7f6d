/** A table for people. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Something that was to be reached, and whether it was. */
export interface Goal {
  readonly what: string;
  readonly wanted: string;
  readonly got: string;
  readonly met: boolean;
}

/** A group of bars in the picture: ratios, and the one that was to be reached. */
export interface Bars {
  readonly title: string;
  readonly goal: number;
  /** Whether the goal is the least that is good, or the most. */
  readonly goalIs: 'least' | 'most';
  readonly bars: readonly {
    readonly name: string;
    readonly ratio: number;
    readonly low: number;
    readonly high: number;
  }[];
}

/** A section, and how long it took. */
export interface Played extends Section {
  readonly seconds: number;
}

/** What one part of the benchmark found. */
export interface Section {
  readonly title: string;
  /** What was done, on what data. */
  readonly about: string;
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  readonly bars: readonly Bars[];
  /** Every figure, for machines. */
  readonly figures: unknown;
}
