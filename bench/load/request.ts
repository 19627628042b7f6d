/** A request of a workload. Plain data, since it goes to another process. */
export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
  /** Whether each time it is sent it has an Idempotency-Key of its own. */
  readonly keyed?: true;
}

/** How a server is loaded: by so many clients, each of which asks again as soon as it is answered. */
export interface LoadOrder {
  /** The servers; clients are dealt out to them in turn. */
  readonly urls: readonly string[];
  /** Sent in this order, from the first one on, and over again. */
  readonly requests: readonly LoadRequest[];
  readonly clients: number;
  readonly milliseconds: number;
  /** Requests that are sent in any case, however long they take; none unless told. */
  readonly atLeast?: number;
}

/** What came of it. */
export interface LoadReport {
  readonly seconds: number;
  /** Microseconds from each request to the end of its answer, in the order of the answers. */
  readonly latencies: readonly number[];
  /** Requests that were refused because the server had enough to do (503). They are in no other figure. */
  readonly turnedAway: number;
}
