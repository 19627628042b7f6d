import type { MessageIds } from '../../application/ports/message-ids.ts';
import type { EventId } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import { prepared } from './prepared-statements.ts';
import type { Writes } from './session.ts';

const ADD = prepared(`
  INSERT INTO late_events (conversation_id, message_id, event_id) VALUES (?, ?, ?) IF NOT EXISTS`);

const REPLACE = prepared(`
  UPDATE late_events SET event_id = ? WHERE conversation_id = ? AND message_id = ? IF event_id = ?`);

/**
 * The one event under which `message`, which became visible late, is news: the one that is agreed on already, or else
 * a new one. An agreed one that is late itself by now is replaced, unless somebody else just did.
 */
export async function agreeOnLateEvent(
  deps: { readonly messageIds: MessageIds; readonly isLate: (eventId: EventId) => boolean },
  { conversationId, id }: Message,
  writes: Writes,
): Promise<EventId> {
  const proposed: EventId = deps.messageIds.next();
  const agreed = eventIn(await writes.compareAndSet(ADD, [conversationId, id, proposed])) ?? proposed;
  if (!deps.isLate(agreed)) return agreed;
  const row = await writes.compareAndSet(REPLACE, [proposed, conversationId, id, agreed]);
  return eventIn(row) ?? proposed;
}

/** The event in the answer of a transaction that was not applied; null where it was. */
function eventIn(row: Readonly<Record<string, unknown>>): EventId | null {
  if (row['[applied]'] === true) return null;
  return String(row['event_id']) as EventId;
}
