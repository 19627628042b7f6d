import type { MessageId } from '../../domain/ids.ts';

/** Where message ids come from. */
export interface MessageIds {
  /**
   * A new id, at the clock's time or as little after it as keeps the ids of this process strictly increasing
   * by whole microseconds, also when the clock stands still or steps back.
   */
  next(): MessageId;
}
