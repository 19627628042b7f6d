/** The samplers that `OTEL_TRACES_SAMPLER` can name. */
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
  /** A sampler that is `parentbased` follows what the caller of a request has decided. */
  readonly sampler: (typeof SAMPLERS)[number];
  /** The part of all traces that the samplers by ratio take. */
  readonly ratio: number;
}
