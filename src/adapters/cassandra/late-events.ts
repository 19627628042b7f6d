import type { types } from 'cassandra-driver';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type { ConversationId, EventId, MessageId } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import { prepared } from './prepared-statements.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { Statement, Writes } from './session.ts';

const ADD = prepared(`
  INSERT INTO late_events (conversation_id, message_id, event_id) VALUES (?, ?, ?) IF NOT EXISTS`);

const LIST = prepared(`
  INSERT INTO late_messages_by_conversation (conversation_id, event_id, message_id, sender_id)
  VALUES (?, ?, ?, ?) USING TIMESTAMP ?`);

const REPLACE = prepared(`
  UPDATE late_events SET event_id = ? WHERE conversation_id = ? AND message_id = ? IF event_id = ?`);

const FIND = prepared(`
  SELECT event_id FROM late_events WHERE conversation_id = ? AND message_id = ?`);

const FIND_ALL = prepared(`
  SELECT message_id, event_id FROM late_events WHERE conversation_id = ? AND message_id IN ?`);

/** The current late events of those of `messageIds` that have one. */
export async function findLateEvents(
  { read }: Pick<Writes, 'read'>,
  conversationId: ConversationId,
  messageIds: readonly MessageId[],
): Promise<ReadonlyMap<MessageId, EventId>> {
  if (messageIds.length === 0) return new Map();
  const rows = await read(FIND_ALL, [conversationId, messageIds]);
  return new Map(
    rows.map((row) => [String(row['message_id']) as MessageId, String(row['event_id']) as EventId]),
  );
}

/** The current late event of a message; null if it has none. */
export async function findLateEvent(
  { read }: Pick<Writes, 'read'>,
  conversationId: ConversationId,
  messageId: MessageId,
): Promise<EventId | null> {
  const [row] = await read(FIND, [conversationId, messageId]);
  return row === undefined ? null : (String(row['event_id']) as EventId);
}

/** The row that lists a message as unread for read positions below its late event `eventId`. Idempotent. */
export function lateMessageRow(
  { conversationId, id, senderId }: Pick<Message, 'conversationId' | 'id' | 'senderId'>,
  eventId: EventId,
): Statement {
  return { query: LIST, params: [conversationId, eventId, id, senderId, microsecondsOf(eventId)] };
}

/**
 * The late event of `message`, which became visible late: the event that is agreed on already, or else a new one. An agreed
 * event that is late itself by now is replaced, unless another process has just replaced it. When this resolves, the
 * message is listed under the event, so that unread counts include it.
 */
export async function agreeOnLateEvent(
  deps: { readonly messageIds: MessageIds; readonly isLate: (eventId: EventId) => boolean },
  message: Message,
  writes: Writes,
): Promise<EventId> {
  const eventId = await agree(deps, message, writes);
  const { query, params } = lateMessageRow(message, eventId);
  await writes.run(query, params);
  return eventId;
}

async function agree(
  deps: { readonly messageIds: MessageIds; readonly isLate: (eventId: EventId) => boolean },
  message: Message,
  writes: Writes,
): Promise<EventId> {
  const { conversationId, id } = message;
  const proposed: EventId = deps.messageIds.next();
  const agreed = eventAfter(await writes.compareAndSet(ADD, [conversationId, id, proposed]), proposed);
  if (agreed !== null && !deps.isLate(agreed)) return agreed;
  const row = await writes.compareAndSet(REPLACE, [proposed, conversationId, id, agreed]);
  // The row no longer exists: the table was truncated.
  return eventAfter(row, proposed) ?? agree(deps, message, writes);
}

/** The event that is agreed on after a transaction that proposed one; null if none is. */
function eventAfter(row: Readonly<Record<string, unknown>>, proposed: EventId): EventId | null {
  if (row['[applied]'] === true) return proposed;
  const event = (row['event_id'] ?? null) as types.Uuid | null;
  return event === null ? null : (String(event) as EventId);
}
