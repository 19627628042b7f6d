import type { UserId } from './ids.ts';

/** Who asks: one user, or a service that is trusted to speak and to look for any of them. */
export type Caller = { readonly kind: 'user'; readonly userId: UserId } | { readonly kind: 'service' };

/** A trusted service; where callers are not told apart, everyone is one. */
export const SERVICE: Caller = Object.freeze({ kind: 'service' });

/** Whether `caller` may speak and look for this user. */
export function canActAs(caller: Caller, userId: UserId): boolean {
  return caller.kind === 'service' || caller.userId === userId;
}
