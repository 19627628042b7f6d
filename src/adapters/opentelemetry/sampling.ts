/** The valid values of `OTEL_TRACES_SAMPLER`. */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** Which requests are traced. */
export interface Sampling {
  /** A `parentbased` sampler uses the sampling decision of the request's caller. */
  readonly sampler: (typeof SAMPLERS)[number];
  /** The share of all traces that a ratio sampler records, 0–1. */
  readonly ratio: number;
}
