/** The timer of the host. */
export interface Timer {
  /** Calls `callback` once after `milliseconds`, unless the function that comes back is called before. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** Ends waiting work from outside, as an `AbortSignal` does. */
export interface StopSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
