import type { KnownEvent } from './types.ts';

/**
 * `connecting`: at the start. `live`: a stream is open. `polling`: streams do not work, so requests wait for events.
 * `offline`: the last attempt failed, and the next one follows.
 */
export type ConnectionState = 'connecting' | 'live' | 'polling' | 'offline';

/** What `follow` yields. */
export type FollowItem =
  /** Each event once, oldest first. To continue later, follow from `cursor`. */
  | { readonly kind: 'event'; readonly event: KnownEvent; readonly cursor: string }
  /**
   * Events before this point do not arrive: list anew what is shown. It comes first if following starts without a cursor,
   * and later if the cursor is older than the event log.
   */
  | { readonly kind: 'reset'; readonly cursor: string }
  /** The state has changed. */
  | { readonly kind: 'connection'; readonly state: ConnectionState };

/** How to follow. */
export interface FollowOptions {
  /** Where to continue: the cursor of an earlier item. */
  readonly cursor?: string;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}
