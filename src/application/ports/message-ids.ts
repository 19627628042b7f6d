import type { MessageId, Position } from '../../domain/ids.ts';

/** Where message ids and event ids come from. */
export interface MessageIds {
  /**
   * A new id, at the clock's time or as little after it as keeps the ids of this process strictly increasing
   * by whole microseconds, also when the clock stands still or steps back, and above every id that was observed.
   */
  next(): MessageId;

  /**
   * Notes an id that this process returns to a client, so that what the client then sends through it gets a later one
   * (a hybrid logical clock). An id further ahead of the clock than the allowed skew is ignored.
   */
  observe(position: Position): void;
}
