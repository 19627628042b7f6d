import type { Message, OutgoingMessage, Problem } from 'cassandra-messenger-client';
import { dayKey } from './time.ts';

/** A message as it is shown: a stored one, or one in the outbox. */
export interface ShownMessage {
  /** The id of a stored message, or the key of one in the outbox. */
  readonly key: string;
  readonly senderId: string;
  /** Null if the message was deleted, or edited after the user has left the group. */
  readonly content: string | null;
  readonly isDeleted: boolean;
  readonly time: Date;
  readonly isEdited: boolean;
  readonly state: 'pending' | 'sent' | 'failed';
  /** Why it failed. */
  readonly problem: Problem | null;
}

/** A message and its place among the messages of the same sender. */
export interface Row {
  readonly message: ShownMessage;
  /** Whether it is the first, or the last, of several messages of one sender. */
  readonly startsGroup: boolean;
  readonly endsGroup: boolean;
}

export interface Day {
  readonly key: string;
  readonly time: Date;
  readonly rows: readonly Row[];
}

/** A pause after which a message of the same sender starts a new group. */
const GROUP_PAUSE_MS = 5 * 60_000;

/** All messages of a conversation, oldest first: the stored ones, then those in the outbox. */
export function shownMessages(
  messages: readonly Message[],
  outgoing: readonly OutgoingMessage[],
  userId: string,
): ShownMessage[] {
  return [
    ...messages.map(shownMessage),
    ...outgoing.map((message): ShownMessage => ({
      key: message.key,
      senderId: userId,
      content: message.content,
      time: new Date(message.createdAt),
      isDeleted: false,
      isEdited: false,
      state: message.state,
      problem: message.problem ?? null,
    })),
  ];
}

const shown = new WeakMap<Message, ShownMessage>();

/** A stored message as it is shown: the same object for the same message. */
function shownMessage(message: Message): ShownMessage {
  let cached = shown.get(message);
  if (cached === undefined) {
    cached = {
      key: message.id,
      senderId: message.sender_id,
      content: message.content,
      time: new Date(message.created_at),
      isDeleted: message.deleted_at !== null,
      isEdited: message.edited_at !== null,
      state: 'sent',
      problem: null,
    };
    shown.set(message, cached);
  }
  return cached;
}

/** The messages by day, and in groups of one sender. */
export function daysOf(messages: readonly ShownMessage[]): Day[] {
  const days: (Day & { rows: Row[] })[] = [];
  messages.forEach((message, index) => {
    const key = dayKey(message.time);
    let day = days.at(-1);
    // The times of the outbox are those of this host, and can lie before those above.
    if (day === undefined || (day.key !== key && message.time > day.time)) {
      day = { key, time: message.time, rows: [] };
      days.push(day);
    }
    day.rows.push({
      message,
      startsGroup: !isSameGroup(messages[index - 1], message),
      endsGroup: !isSameGroup(message, messages[index + 1]),
    });
  });
  return days;
}

function isSameGroup(one: ShownMessage | undefined, next: ShownMessage | undefined): boolean {
  if (one === undefined || next === undefined) return false;
  return (
    one.senderId === next.senderId &&
    one.state === next.state &&
    next.time.getTime() - one.time.getTime() < GROUP_PAUSE_MS &&
    dayKey(one.time) === dayKey(next.time)
  );
}
