import type { EventRepository } from '../../application/ports/event-repository.ts';
import { placesConversation, type Event } from '../../domain/event.ts';
import type { ConversationId, EventId, MessageId, Position, UserId } from '../../domain/ids.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { EventLogState } from './event-log-state.ts';
import { prepared } from './prepared-statements.ts';
import type { Row, Session, Statement } from './session.ts';

const PUT_EVENT = prepared(`
  INSERT INTO events_by_user (user_id, places, event_id, type, conversation_id, message_id, actor_id)
  VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?`);

const EVENTS_AFTER = prepared(`
  SELECT event_id, type, conversation_id, message_id, actor_id FROM events_by_user
  WHERE user_id = ? AND places = ? AND event_id > ?
  ORDER BY places ASC, event_id ASC LIMIT ?`);

/** The maximum events per call: below the driver's page size. */
const MAX_EVENTS = 1_000;

/** Rows are kept one day longer than readers read them, so that no reader misses a row that has just expired. */
const DAY_SECONDS = 86_400;

/** The write that adds `event` to the log of `userId`. Idempotent: its timestamp is the event's own microsecond. */
export function eventRow(event: Event, userId: UserId, retentionDays: number): Statement {
  const { id, type, conversationId } = event;
  const ttl = (retentionDays + 1) * DAY_SECONDS;
  return {
    query: PUT_EVENT,
    params: [
      userId,
      placesConversation(type),
      id,
      type,
      conversationId,
      ...subjectOf(event),
      microsecondsOf(id),
      ttl,
    ],
  };
}

/** The columns message_id and actor_id of an event. */
function subjectOf(event: Event): [EventId | undefined, UserId | undefined] {
  switch (event.type) {
    case 'message.created':
    case 'message.edited':
    case 'message.deleted':
      return [event.messageId, undefined];
    case 'conversation.created':
    case 'conversation.updated':
    case 'conversation.left':
      return [undefined, undefined];
    case 'conversation.read':
      return [event.readUpTo, event.readerId];
  }
}

/** Stores event logs in Cassandra. */
export class CassandraEventRepository implements EventRepository {
  readonly #session: Session;
  readonly #log: EventLogState;

  constructor(deps: { session: Session; eventLog: EventLogState }) {
    this.#session = deps.session;
    this.#log = deps.eventLog;
  }

  completeSince(): Position {
    return this.#log.start();
  }

  async listAfter(userId: UserId, after: Position, limit: number): Promise<readonly Event[]> {
    const start = this.#log.start();
    const from = after > start ? after : start;
    const read = (places: boolean): Promise<Row[]> =>
      this.#session.read(EVENTS_AFTER, [userId, places, from, Math.min(limit, MAX_EVENTS)]);
    const rows = (await Promise.all([read(true), read(false)])).flat().map(eventOf);
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, Math.min(limit, MAX_EVENTS));
  }
}

function eventOf(row: Row): Event {
  const event = {
    id: String(row['event_id']) as EventId,
    conversationId: String(row['conversation_id']) as ConversationId,
  };
  const type = row['type'] as Event['type'];
  switch (type) {
    case 'message.created':
    case 'message.edited':
    case 'message.deleted':
      return { ...event, type, messageId: String(row['message_id']) as MessageId };
    case 'conversation.created':
      // A conversation that its first message created may be started again with that message's id: the event stays a message.
      return row['message_id'] === null
        ? { ...event, type }
        : { ...event, type: 'message.created', messageId: String(row['message_id']) as MessageId };
    case 'conversation.updated':
    case 'conversation.left':
      return { ...event, type };
    case 'conversation.read':
      return {
        ...event,
        type,
        readerId: row['actor_id'] as UserId,
        readUpTo: String(row['message_id']) as EventId,
      };
  }
}
