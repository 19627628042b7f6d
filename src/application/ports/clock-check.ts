/** Whether this process may make ids: order is by id, so a wrong clock would misplace messages for ever. */
export interface ClockCheck {
  /**
   * Resolves where the clock is verified. Where that has to be measured anew, waits for it, within half of a request's
   * time; otherwise rejects with a `ClockNotVerified`.
   */
  verified(): Promise<void>;
}

/** A write was refused because the clock of this host is not verified. Nothing of it was begun. */
export class ClockNotVerified extends Error {
  override readonly name = 'ClockNotVerified';
}

/** For storage that nobody else writes to: the host's clock is the only one, and counts as verified. */
export const ALWAYS_VERIFIED: ClockCheck = { verified: () => Promise.resolve() };
