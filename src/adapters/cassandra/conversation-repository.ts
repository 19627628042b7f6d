import type { types } from 'cassandra-driver';
import type { ConversationRepository } from '../../application/ports/conversation-repository.ts';
import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import type { ConversationId, EventId, UserId } from '../../domain/ids.ts';
import type { Slice } from '../../domain/page.ts';
import type { EventLogState } from './event-log-state.ts';
import { eventRow } from './event-repository.ts';
import { emptyConversationRow, type InboxReader } from './inbox.ts';
import { prepared } from './prepared-statements.ts';
import type { Session, Statement } from './session.ts';
import { firstWriteWins } from './time-buckets.ts';

/** Written with the timestamp of `firstWriteWins`. */
const PUT_CONVERSATION = prepared(`
  INSERT INTO conversations (conversation_id, participants, created) VALUES (?, ?, ?) USING TIMESTAMP ?`);

const CONVERSATION = prepared(`
  SELECT participants, created FROM conversations WHERE conversation_id = ?`);

/** In the user's own partition: a non-participant has no row there, as for a conversation that does not exist. */
const INBOX_ROW = prepared(`
  SELECT conversation_id FROM conversations_by_user WHERE user_id = ? AND conversation_id = ?`);

/** The row of a conversation that starts at `created`; its first message writes it, too. Idempotent. */
export function conversationRow({ id, participants, created }: Conversation): Statement {
  return { query: PUT_CONVERSATION, params: [id, participants, created, firstWriteWins(created)] };
}

/** The writes that show an empty conversation to `userId`: one mutation, since they share a partition key. */
export function startRows(
  conversation: Conversation,
  userId: UserId,
  eventRetentionDays: number,
): Statement[] {
  const { id, created } = conversation;
  return [
    emptyConversationRow(conversation, userId),
    eventRow({ id: created, type: 'conversation.created', conversationId: id }, userId, eventRetentionDays),
  ];
}

/** Stores conversations in Cassandra and reads inboxes. */
export class CassandraConversationRepository implements ConversationRepository {
  readonly #session: Session;
  readonly #inbox: InboxReader;
  readonly #eventLog: Pick<EventLogState, 'daysToKeep'>;

  constructor(deps: { session: Session; inbox: InboxReader; eventLog: Pick<EventLogState, 'daysToKeep'> }) {
    this.#session = deps.session;
    this.#inbox = deps.inbox;
    this.#eventLog = deps.eventLog;
  }

  find(id: ConversationId): Promise<Conversation | null> {
    return findConversation(this.#session, id);
  }

  async start(conversation: Conversation): Promise<void> {
    const writes = this.#session.writes();
    const { query, params } = conversationRow(conversation);
    await writes.run(query, params);
    await writes.all(
      conversation.participants.map((userId) =>
        writes.batch(startRows(conversation, userId, this.#eventLog.daysToKeep)),
      ),
    );
  }

  async isInInbox(userId: UserId, id: ConversationId): Promise<boolean> {
    return (await this.#session.read(INBOX_ROW, [userId, id])).length > 0;
  }

  listByUser(userId: UserId, slice: Slice): Promise<readonly InboxEntry[]> {
    return this.#inbox.read(userId, slice);
  }
}

/** The conversation's own row; null if it has none. */
export async function findConversation(session: Session, id: ConversationId): Promise<Conversation | null> {
  const [row] = await session.read(CONVERSATION, [id]);
  if (row === undefined) return null;
  return {
    id,
    participants: row['participants'] as readonly UserId[],
    created: String(row['created'] as types.Uuid) as EventId,
  };
}
