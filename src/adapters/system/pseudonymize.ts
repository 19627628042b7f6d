import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { UserId } from '../../domain/ids.ts';

/** The size of the cache: users are active repeatedly, and a hash costs more than writing its log line. */
const CACHE_SIZE = 10_000;

/**
 * A pseudonym for each user: a keyed hash (HMAC-SHA-256) of the user id, so that log lines about one user can be
 * correlated. Without `key` it can't be reversed by hashing all possible user ids, as an unkeyed hash can.
 */
export function makePseudonymize(key: string): (userId: UserId) => string {
  const pseudonyms = new LRUCache<UserId, string>({
    max: CACHE_SIZE,
    memoMethod: (userId) => createHmac('sha256', key).update(userId).digest('base64url').slice(0, 16),
  });
  return (userId) => pseudonyms.memo(userId);
}
