import type { UserId } from '../domain/ids.ts';
import { Overload } from './overload.ts';

/**
 * Limits the expensive requests in progress: at most `max` in all, and half of them for one user, so that the requests of one
 * user do not keep out those of others.
 */
export function makeUserLimit(max: number) {
  let all = 0;
  const ofUsers = new Map<UserId, number>();
  return {
    /** Counts a request of `userId` until the returned function is called. Throws an `Overload` if a limit is reached. */
    begin(userId: UserId): () => void {
      const own = ofUsers.get(userId) ?? 0;
      if (all === max || own === max / 2) throw new Overload();
      all += 1;
      ofUsers.set(userId, own + 1);
      return () => {
        all -= 1;
        const left = (ofUsers.get(userId) ?? 1) - 1;
        if (left === 0) ofUsers.delete(userId);
        else ofUsers.set(userId, left);
      };
    },
  };
}
