import type { UserId } from './ids.ts';

/** The caller of a use case: one user, or a trusted service that may act as any user. */
export type Caller = { readonly kind: 'user'; readonly userId: UserId } | { readonly kind: 'service' };

/** A trusted service. Without authentication every caller is one. */
export const SERVICE: Caller = Object.freeze({ kind: 'service' });

/** Whether `caller` may read and write as this user. */
export function canActAs(caller: Caller, userId: UserId): boolean {
  return caller.kind === 'service' || caller.userId === userId;
}
