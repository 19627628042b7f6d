import { participantsOf, type InboxEntry, type Participants } from '../../domain/conversation.ts';
import type { ConversationId, MessageId, UserId } from '../../domain/ids.ts';
import { previewOf, type Message } from '../../domain/message.ts';
import { millisecondsOf } from '../../domain/time.ts';
import { CassandraConversationRepository, conversationRow } from './conversation-repository.ts';
import { emptyHeadOf, headOf, readHeads } from './inbox.ts';
import { bucketRow, messageOf } from './message-repository.ts';
import type { Session, Writes } from './session.ts';
import { bucketOf, earliestWins, LEVELS, slotAt } from './stored-time.ts';

/**
 * What must hold between the tables, looked at from two sides: from a bucket of messages, which must be found by
 * readers and shown by inboxes, and from an inbox row, which must tell the truth and be nominated for its place.
 * What a look finds it can also mend, where the service's own idempotent writes can: each carries its message's
 * time, so that it never undoes what was sent meanwhile.
 */

const BUCKET = `
  SELECT bucket FROM buckets_by_conversation WHERE conversation_id = ? AND bucket = ?`;

const MESSAGE = `
  SELECT message_id, sender_id, receiver_id, content FROM messages_by_conversation
  WHERE conversation_id = ? AND bucket = ? AND message_id = ?`;

/** The order rows of one conversation in one slot of each level. */
const ORDER_ROWS = `
  SELECT level FROM conversation_order_by_user
  WHERE user_id = ? AND (level, slot, conversation_id) IN (${LEVELS.map(() => '(?, ?, ?)').join(', ')})`;

/** The ways in which the tables may contradict each other, in words for people. */
export const FLAWS = {
  bucket_unlisted: 'messages in a bucket that is not listed',
  conversation_missing: 'conversations without their row',
  conversation_created_late: 'conversations said to begin after a message of theirs',
  inbox_row_missing: 'messages whose conversation is not in an inbox',
  head_behind: 'heads older than a message of their conversation',
  head_without_message: 'heads that name a message which is not there',
  head_differs: 'inbox rows that say something else than the message they name',
  order_rows_missing: 'inbox rows without an order row for their place',
} as const;

export type FlawKind = keyof typeof FLAWS;

/** One contradiction. It names rows, and quotes nothing of what was said. */
export interface Flaw {
  readonly kind: FlawKind;
  readonly conversationId: ConversationId;
  /** Whose inbox it is in; null where it is in none. */
  readonly userId: UserId | null;
  /** The message, or the creation, that the rows should show, or that they name in vain. */
  readonly messageId: MessageId;
  /** Writes again what the service wrote, or should have; null where none of its writes can help. */
  readonly mend: ((writes: Writes) => Promise<void>) | null;
}

/** Messages of a conversation that share a bucket. */
export interface Bucket {
  readonly conversationId: ConversationId;
  readonly bucket: number;
  readonly newest: MessageId;
  readonly oldest: MessageId;
  /** Of the newest; one conversation has the same for all. */
  readonly participants: Participants;
}

/**
 * What is wrong around a bucket: whether readers find it, whether its conversation is there and begins with or
 * before it, and whether each participant's inbox shows its newest message or a later one. That a head is not a
 * later message than there is, is seen from the inbox row.
 */
export async function inspectBucket(session: Session, bucket: Bucket): Promise<Flaw[]> {
  const { conversationId, newest, oldest, participants } = bucket;
  const [listed, conversation, inboxes] = await Promise.all([
    session.read(BUCKET, [conversationId, bucket.bucket]),
    new CassandraConversationRepository({ session }).find(conversationId),
    Promise.all(participants.map((userId) => readHeads(session, userId, [conversationId]))),
  ]);

  const flaws: Flaw[] = [];
  if (listed.length === 0) {
    const mend: Flaw['mend'] = (writes) => writes.run(...bucketRow(conversationId, newest));
    flaws.push({ kind: 'bucket_unlisted', conversationId, userId: null, messageId: newest, mend });
  }
  // Not merely a larger id: of two begins with one timestamp Cassandra keeps the larger.
  if (conversation === null || earliestWins(oldest).greaterThan(earliestWins(conversation.created))) {
    const kind = conversation === null ? 'conversation_missing' : 'conversation_created_late';
    const row = conversationRow({ id: conversationId, participants, created: oldest });
    const mend: Flaw['mend'] = (writes) => writes.run(...row);
    flaws.push({ kind, conversationId, userId: null, messageId: oldest, mend });
  }
  for (const [index, userId] of participants.entries()) {
    const entry = inboxes[index]?.[0];
    const head = entry?.head?.messageId;
    if (head !== undefined && head >= newest) continue;
    const kind = entry === undefined ? 'inbox_row_missing' : 'head_behind';
    const mend: Flaw['mend'] = async (writes) => {
      const message = await findMessage(session, conversationId, newest);
      if (message !== null) await showMessage(writes, message, userId);
    };
    flaws.push({ kind, conversationId, userId, messageId: newest, mend });
  }
  return flaws;
}

/**
 * What is wrong with a row of the inbox of `userId`: whether the message that its head names is there and says the
 * same, whether an empty conversation is there at all, and whether order rows nominate it at every level for the
 * place where it stands.
 */
export async function inspectInboxRow(session: Session, userId: UserId, entry: InboxEntry): Promise<Flaw[]> {
  const { conversationId, participants, head } = entry;
  const place = placeOf(entry);
  const [message, conversation, order] = await Promise.all([
    head === null ? null : findMessage(session, conversationId, place),
    head === null ? new CassandraConversationRepository({ session }).find(conversationId) : null,
    session.read(ORDER_ROWS, [
      userId,
      ...LEVELS.flatMap((level) => [level, slotAt(level, millisecondsOf(place)), conversationId]),
    ]),
  ]);
  const flaw = { conversationId, userId, messageId: place };
  if (head !== null && message === null) return [{ ...flaw, kind: 'head_without_message', mend: null }];

  const created = { id: conversationId, participants, created: place };
  const show: Flaw['mend'] = (writes) =>
    message === null ? writes.together(emptyHeadOf(created, userId)) : showMessage(writes, message, userId);
  const flaws: Flaw[] = [];
  if (message === null && conversation === null) {
    const mend: Flaw['mend'] = (writes) => writes.run(...conversationRow(created));
    flaws.push({ ...flaw, kind: 'conversation_missing', mend });
  }
  if (message !== null && !shows(entry, message)) flaws.push({ ...flaw, kind: 'head_differs', mend: show });
  if (order.length < LEVELS.length) flaws.push({ ...flaw, kind: 'order_rows_missing', mend: show });
  return flaws;
}

/** The message or the creation that places `entry`. */
export function placeOf(entry: InboxEntry): MessageId {
  return entry.head === null ? entry.created : entry.head.messageId;
}

function shows({ head, participants }: InboxEntry, { senderId, receiverId, content }: Message): boolean {
  return (
    head?.senderId === senderId &&
    head.preview === previewOf(content) &&
    participants.join() === participantsOf(senderId, receiverId).join()
  );
}

function showMessage(writes: Writes, message: Message, userId: UserId): Promise<void> {
  const participants = participantsOf(message.senderId, message.receiverId);
  return writes.together(headOf(message, participants, userId, LEVELS));
}

async function findMessage(
  session: Session,
  conversationId: ConversationId,
  id: MessageId,
): Promise<Message | null> {
  const [row] = await session.read(MESSAGE, [conversationId, bucketOf(id), id]);
  return row === undefined ? null : messageOf(conversationId, row);
}
