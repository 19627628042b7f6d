import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { UserId } from '../../domain/ids.ts';

/** Who writes now will write again, and a hash costs more than the line in which it stands. */
const MOST_NAMES = 10_000;

/**
 * A name for each user, by which lines about one user can be told from those about others. Without `key` nobody can
 * find out whose it is, not even by trying all user ids: a plain hash of `1` is known to everyone.
 */
export function makePseudonymize(key: string): (userId: UserId) => string {
  const names = new LRUCache<UserId, string>({
    max: MOST_NAMES,
    memoMethod: (userId) => createHmac('sha256', key).update(userId).digest('base64url').slice(0, 16),
  });
  return (userId) => names.memo(userId);
}
