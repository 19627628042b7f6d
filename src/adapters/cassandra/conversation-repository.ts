import type { types } from 'cassandra-driver';
import type { Clock } from '../../application/ports/clock.ts';
import type { ConversationRepository } from '../../application/ports/conversation-repository.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import { isLate, type Event, type LatenessLimits } from '../../domain/event.ts';
import type { ConversationId, EventId, UserId } from '../../domain/ids.ts';
import type { Slice } from '../../domain/page.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { BackgroundRetry } from './background-retry.ts';
import type { EventLogState } from './event-log-state.ts';
import { eventRow } from './event-repository.ts';
import { emptyConversationRow, entryOf, type InboxReader } from './inbox.ts';
import { prepared } from './prepared-statements.ts';
import type { Session, Statement, Writes } from './session.ts';
import { firstWriteWins } from './time-buckets.ts';

/** Written with the timestamp of `firstWriteWins`. */
const PUT_CONVERSATION = prepared(`
  INSERT INTO conversations (conversation_id, participants, created) VALUES (?, ?, ?) USING TIMESTAMP ?`);

const CONVERSATION = prepared(`
  SELECT participants, created FROM conversations WHERE conversation_id = ?`);

/** Written last: readers of the other columns never wait for it. */
const PUT_STARTED = prepared(`
  INSERT INTO conversations (conversation_id, started) VALUES (?, true) USING TIMESTAMP ?`);

const IS_STARTED = prepared(`
  SELECT started FROM conversations WHERE conversation_id = ?`);

const INBOX_ENTRY = prepared(`
  SELECT conversation_id, participants, last_activity FROM conversations_by_user
  WHERE user_id = ? AND conversation_id = ?`);

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
  readonly #clock: Pick<Clock, 'latest'>;
  readonly #messageIds: MessageIds;
  readonly #retry: Pick<BackgroundRetry, 'track'>;
  readonly #inbox: InboxReader;
  readonly #limits: LatenessLimits;
  readonly #eventLog: Pick<EventLogState, 'daysToKeep'>;

  constructor(deps: {
    session: Session;
    clock: Pick<Clock, 'latest'>;
    messageIds: MessageIds;
    retry: Pick<BackgroundRetry, 'track'>;
    inbox: InboxReader;
    limits: LatenessLimits;
    eventLog: Pick<EventLogState, 'daysToKeep'>;
  }) {
    this.#session = deps.session;
    this.#clock = deps.clock;
    this.#messageIds = deps.messageIds;
    this.#retry = deps.retry;
    this.#inbox = deps.inbox;
    this.#limits = deps.limits;
    this.#eventLog = deps.eventLog;
  }

  find(id: ConversationId): Promise<Conversation | null> {
    return findConversation(this.#session, id);
  }

  async start(conversation: Conversation, { isLive } = { isLive: false }): Promise<void> {
    const writes = this.#session.writes();
    const { query, params } = conversationRow(conversation);
    await writes.run(query, params);
    await writes.batches(
      conversation.participants.map((userId) => startRows(conversation, userId, this.#eventLog.daysToKeep)),
    );
    if (!isLive) return;
    // Whether it became visible late is known only now. A repeat writes with the time of the first start.
    if (!this.#isLate(conversation.created)) {
      this.#retry.track(this.#markStarted(conversation));
    } else if (!(await this.#isStarted(conversation.id, writes))) {
      await this.#addEvent(conversation, writes);
      await this.#markStarted(conversation);
    }
  }

  /** Adds another event to the log of each participant whose inbox does not show a message of the conversation yet. */
  async #addEvent({ id: conversationId, participants }: Conversation, writes: Writes): Promise<void> {
    const event: Event = { id: this.#messageIds.next(), type: 'conversation.created', conversationId };
    const add = async (userId: UserId): Promise<void> => {
      const [row] = await writes.read(INBOX_ENTRY, [userId, conversationId]);
      if (row !== undefined && (entryOf(row)?.lastMessage ?? null) !== null) return;
      const { query, params } = eventRow(event, userId, this.#eventLog.daysToKeep);
      await writes.run(query, params);
    };
    await writes.all(participants.map(add));
    // A repeat adds one more event.
    if (this.#isLate(event.id)) {
      throw new StorageFailure('outcome_unknown', { cause: new Error('the event became visible late') });
    }
  }

  #isLate(eventId: EventId): boolean {
    return isLate(this.#clock.latest() - microsecondsOf(eventId), this.#limits);
  }

  async #isStarted(id: ConversationId, writes: Writes): Promise<boolean> {
    const [row] = await writes.read(IS_STARTED, [id]);
    return row?.['started'] === true;
  }

  /** Never rejects: without the marker a repeat adds one more event. */
  async #markStarted({ id, created }: Conversation): Promise<void> {
    await this.#session
      .writes()
      .run(PUT_STARTED, [id, microsecondsOf(created)])
      .catch(() => undefined);
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
  // A row with only the marker `started`, as after a truncation, is not a conversation.
  if (row === undefined || row['participants'] === null) return null;
  return {
    id,
    participants: row['participants'] as readonly UserId[],
    created: String(row['created'] as types.Uuid) as EventId,
  };
}
