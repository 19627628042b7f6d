/** Whether this process may make ids: order is by id, so a wrong clock would misplace messages permanently. */
export interface ClockCheck {
  /**
   * Resolves if the clock is verified. If it has to be measured again, waits for the measurement, at most half of the
   * request timeout; otherwise rejects with a `ClockNotVerified`.
   */
  verified(): Promise<void>;
}

/** A request was refused because the clock of this host is not verified. It was not started. */
export class ClockNotVerified extends Error {
  override readonly name = 'ClockNotVerified';
}

/** For storage that only this process writes to: the host's clock is the only one, and counts as verified. */
export const ALWAYS_VERIFIED: ClockCheck = { verified: () => Promise.resolve() };
