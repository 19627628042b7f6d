import type { MessageId, Position } from '../../domain/ids.ts';

/** Makes message ids and event ids. */
export interface MessageIds {
  /**
   * A new id at the clock's time, or at the smallest later time that keeps the ids of this process strictly increasing
   * by whole microseconds, even when the clock stands still or steps back, and above every observed id.
   */
  next(): MessageId;

  /**
   * Records an id that this process returns to a client, so that a message that the client then sends through this
   * process gets a later id (a hybrid logical clock). An id further ahead of the clock than the allowed skew is ignored.
   */
  observe(position: Position): void;
}
