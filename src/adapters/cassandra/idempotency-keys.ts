import { createHash } from 'node:crypto';
import type { ConversationId, EventId, IdempotencyKey, UserId } from '../../domain/ids.ts';
import { prepared } from './prepared-statements.ts';
import type { Session, Writes } from './session.ts';

const CLAIM = prepared(`
  INSERT INTO messages_by_idempotency_key (sender_id, idempotency_key, message_id, conversation_id, fingerprint)
  VALUES (?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?`);

const FIND = prepared(`
  SELECT message_id, conversation_id FROM messages_by_idempotency_key WHERE sender_id = ? AND idempotency_key = ?`);

const DAY_SECONDS = 86_400;

/**
 * Claims `key` of `userId` for `id`, a message or the creation of a group. Resolves with the id of the first claim with
 * the same `body`, and whether this was the first claim; `key_reused` if the key was claimed with another body.
 */
export async function claimKey<Id extends EventId>(
  claim: {
    readonly userId: UserId;
    readonly key: IdempotencyKey;
    readonly id: Id;
    readonly conversationId: ConversationId;
    readonly body: string;
    /** 0 means forever. */
    readonly retentionDays: number;
  },
  writes: Writes,
): Promise<{ readonly id: Id; readonly isNew: boolean } | 'key_reused'> {
  const { userId, key, id, conversationId, body, retentionDays } = claim;
  const fingerprint = createHash('sha256').update(body).digest();
  const ttl = retentionDays * DAY_SECONDS;
  const row = await writes.compareAndSet(CLAIM, [userId, key, id, conversationId, fingerprint, ttl]);
  if (row['[applied]'] === true) return { id, isNew: true };
  if (!fingerprint.equals(row['fingerprint'] as Buffer)) return 'key_reused';
  return { id: String(row['message_id']) as Id, isNew: false };
}

/** What `key` of `userId` was claimed for; null if it was not claimed within the retention. */
export async function findClaim(
  { read }: Pick<Session, 'read'>,
  userId: UserId,
  key: IdempotencyKey,
): Promise<{ readonly id: EventId; readonly conversationId: ConversationId } | null> {
  const [row] = await read(FIND, [userId, key]);
  if (row === undefined) return null;
  return {
    id: String(row['message_id']) as EventId,
    conversationId: String(row['conversation_id']) as ConversationId,
  };
}
