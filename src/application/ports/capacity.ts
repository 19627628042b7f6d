/** The capacity of this process for work in progress, see `ConcurrencyLimiter`. */
export interface Capacity {
  /**
   * Counts a request in progress that writes about `partitions` partitions, such as the inbox of each user of a group, as
   * one request for every four of them, rounded up. The returned function ends this, and must be called. Throws
   * an `Overload` if it counts as more than one and the limit is exceeded already; one request may exceed it, so that the
   * largest group needs no more than an idle process.
   */
  readonly reserve: (partitions: number) => () => void;
}
