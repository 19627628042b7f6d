/** The capacity of this process for work in progress, see `ConcurrencyLimiter`. */
export interface Capacity {
  /**
   * Counts a request in progress that writes to the inboxes of `users` users as one for every four of them, rounded up. The
   * returned function ends this, and must be called. Throws an `Overload` if the limit is exceeded already; one request may
   * exceed it, so that the largest group needs no more than an idle process.
   */
  readonly reserve: (users: number) => () => void;
}
