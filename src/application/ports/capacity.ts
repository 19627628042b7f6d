/** The capacity of this process for work in progress, see `ConcurrencyLimiter`. */
export interface Capacity {
  /**
   * Counts a request in progress as `requests` more, because it writes to so many users. The returned function ends this,
   * and must be called. Throws an `Overload` if the limit is reached by other requests already; it may be exceeded by one
   * request, so that a large group needs no more than an idle process.
   */
  reserve(requests: number): () => void;
}
