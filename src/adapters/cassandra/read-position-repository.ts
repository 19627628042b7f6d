import { prepared } from './prepared-statements.ts';
import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type { ReadPositionRepository } from '../../application/ports/read-position-repository.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import { isLate, type Event, type LatenessLimits } from '../../domain/event.ts';
import { atMembership, coversPosition, type Membership, type OwnMembership } from '../../domain/group.ts';
import {
  isGroupId,
  type ConversationId,
  type EventId,
  type MessageId,
  type Position,
  type UserId,
} from '../../domain/ids.ts';
import {
  earlierPosition,
  laterPosition,
  MAX_UNCOUNTED_ROWS,
  MAX_UNREAD_COUNT,
  positionAfterMark,
  unreadCountOf,
  type ReadMark,
  type ReadPosition,
} from '../../domain/read-position.ts';
import { microsecondsOf, positionAbove } from '../../domain/time.ts';
import type { EventLogState } from './event-log-state.ts';
import { eventRow } from './event-repository.ts';
import { HistoryReader } from './history.ts';
import { entryOf, membershipOf, readUpToOf } from './inbox.ts';
import type { Session } from './session.ts';

const ENTRY = prepared(`
  SELECT conversation_id, participants, last_activity, read_up_to, membership FROM conversations_by_user
  WHERE user_id = ? AND conversation_id = ?`);

const READ_UP_TO = prepared(`
  SELECT read_up_to FROM conversations_by_user WHERE user_id = ? AND conversation_id = ?`);

const PUT_READ_UP_TO = prepared(`
  INSERT INTO conversations_by_user (user_id, conversation_id, read_up_to) VALUES (?, ?, ?) USING TIMESTAMP ?`);

const LATE_MESSAGES = prepared(`
  SELECT event_id, message_id, sender_id FROM late_messages_by_conversation
  WHERE conversation_id = ? AND event_id > ? AND event_id < ? LIMIT ?`);

/** Below every id. */
const BOTTOM = '00000000-0000-7000-8000-000000000000' as Position;

/**
 * Stores read positions in Cassandra. A position is written with its own microsecond as timestamp, so the highest position
 * wins, without a transaction and in any order of writes.
 */
export class CassandraReadPositionRepository implements ReadPositionRepository {
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #messageIds: MessageIds;
  readonly #history: HistoryReader;
  readonly #limits: LatenessLimits;
  readonly #eventLog: Pick<EventLogState, 'daysToKeep'>;

  constructor(deps: {
    session: Session;
    clock: Clock;
    messageIds: MessageIds;
    limits: LatenessLimits;
    eventLog: Pick<EventLogState, 'daysToKeep'>;
  }) {
    this.#session = deps.session;
    this.#clock = deps.clock;
    this.#messageIds = deps.messageIds;
    this.#history = new HistoryReader(deps);
    this.#limits = deps.limits;
    this.#eventLog = deps.eventLog;
  }

  /**
   * The events are stored before the position moves: a repeat of a mark with an unknown outcome finds either the old
   * position, and writes everything again, or the new position, and everything is stored.
   */
  async mark(
    { userId, conversationId, upTo }: ReadMark,
    given: OwnMembership | null = null,
  ): Promise<EventId | null> {
    const writes = this.#session.writes();
    const [row] = await writes.read(ENTRY, [userId, conversationId]);
    const entry = row === undefined ? null : entryOf(row);
    if (row === undefined || entry === null) return null;
    const isGroup = isGroupId(conversationId);
    const membership = given ?? membershipOf(row);
    if (isGroup && membership === null) return null;
    const { lastEventId } = membership === null ? entry : atMembership(entry, membership);
    const users = isGroup ? [userId] : entry.participants;
    const current = readUpToOf(row);
    const readUpTo = positionAfterMark({ lastEventId, readUpTo: current }, upTo);
    if (readUpTo === current) return readUpTo;

    const id = this.#messageIds.next();
    const event: Event = { id, type: 'conversation.read', conversationId, readerId: userId, readUpTo };
    const rows = users.map((owner) => eventRow(event, owner, this.#eventLog.daysToKeep));
    await writes.all(rows.map(({ query, params }) => writes.run(query, params)));
    // Clients that follow a log may miss an event that became visible late, so a repeat must write another one.
    if (isLate(this.#clock.latest() - microsecondsOf(id), this.#limits)) {
      throw new StorageFailure('outcome_unknown', { cause: new Error('the event became visible late') });
    }
    await writes.run(PUT_READ_UP_TO, [userId, conversationId, readUpTo, microsecondsOf(readUpTo)]);
    return readUpTo;
  }

  async listByConversation({
    id,
    participants,
  }: Pick<Conversation, 'id' | 'participants'>): Promise<readonly ReadPosition[]> {
    return Promise.all(
      participants.map(async (userId) => {
        const [row] = await this.#session.read(READ_UP_TO, [userId, id]);
        return { userId, readUpTo: row === undefined ? null : readUpToOf(row) };
      }),
    );
  }

  async countUnread(
    userId: UserId,
    {
      conversationId,
      lastEventId,
      readUpTo,
    }: Pick<InboxEntry, 'conversationId' | 'lastEventId' | 'readUpTo'>,
    membership?: Membership,
  ): Promise<number> {
    const after = laterPosition(readUpTo, membership?.joined ?? null) ?? BOTTOM;
    const aboveLast = positionAbove(lastEventId);
    const before = earlierPosition(membership?.left ?? null, aboveLast);
    const isFor = (id: MessageId): boolean => membership === undefined || coversPosition(membership, id);
    const bounds = { count: MAX_UNREAD_COUNT, maxUncounted: MAX_UNCOUNTED_ROWS };
    const range = { after, before, newest: lastEventId, ...bounds };
    const [{ ids, isComplete }, firstLate] = await Promise.all([
      this.#history.othersAbove(conversationId, userId, range),
      this.#lateAbove(conversationId, after, aboveLast),
    ]);
    const unread = new Set(ids);
    let uncounted = 0;
    for (let rows = firstLate; rows.length > 0;) {
      const late = rows.filter(
        ({ messageId, senderId }) => senderId !== userId && !unread.has(messageId) && isFor(messageId),
      );
      const lateIds = [...new Set(late.map(({ messageId }) => messageId))];
      const deleted = await this.#history.deletedAmong(conversationId, lateIds);
      const counted = lateIds.filter((id) => !deleted.has(id));
      for (const id of counted) unread.add(id);
      const last = rows.at(-1);
      uncounted += rows.length - counted.length;
      if (last === undefined || rows.length < MAX_UNREAD_COUNT || unread.size >= MAX_UNREAD_COUNT) break;
      if (uncounted > MAX_UNCOUNTED_ROWS) return unreadCountOf(unread.size, false);
      // Some of these messages were counted already, are deleted or are listed twice, so the next rows are needed.
      rows = await this.#lateAbove(conversationId, after, last.eventId);
    }
    return unreadCountOf(unread.size, isComplete);
  }

  async #lateAbove(conversationId: ConversationId, above: Position, below: Position) {
    const params = [conversationId, above, below, MAX_UNREAD_COUNT];
    return (await this.#session.read(LATE_MESSAGES, params)).map((row) => ({
      eventId: String(row['event_id']) as EventId,
      messageId: String(row['message_id']) as MessageId,
      senderId: row['sender_id'] as UserId,
    }));
  }
}
