/** The capacity of this process for work in progress, see `ConcurrencyLimiter`. */
export interface Capacity {
  /**
   * Counts a request in progress by the number of users to whose inboxes it writes, as one more request for every four of
   * them beyond the first four. The returned function ends this, and must be called. Throws an `Overload` if the limit is
   * exceeded already; one request may exceed it, so that the largest group needs no more than an idle process.
   */
  readonly reserve: (users: number) => () => void;
}
