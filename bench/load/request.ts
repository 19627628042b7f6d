/** A request of a workload. Plain data, because it is sent to another process. */
export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
  /** Whether each send has a new Idempotency-Key. */
  readonly keyed?: true;
}

/** The load on the servers: `clients` clients, each of which sends its next request after the response. */
export interface LoadOrder {
  /** The servers; clients are assigned round-robin. */
  readonly urls: readonly string[];
  /** Sent in this order, repeatedly. */
  readonly requests: readonly LoadRequest[];
  readonly clients: number;
  readonly milliseconds: number;
  /** The minimum number of requests, regardless of the duration; default 0. */
  readonly atLeast?: number;
}

/** The result of a load. */
export interface LoadReport {
  readonly seconds: number;
  /** Microseconds from each request to the end of its response, in the order of the responses. */
  readonly latencies: readonly number[];
  /** Requests rejected by load shedding (503). No other figure includes them. */
  readonly rejected: number;
}
