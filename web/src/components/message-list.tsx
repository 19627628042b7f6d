import type { OpenConversation } from 'cassandra-messenger-client';
import { daysOf, type ShownMessage } from '../message-rows.ts';
import { isGroup, isWithOneself, nameOf, titleOf, type Names } from '../people.ts';
import { dayName } from '../time.ts';
import { MessageItem, type MessageActions } from './message-item.tsx';

/** The messages of a conversation, by day. */
export function MessageList({
  messages,
  conversation,
  hasOlder,
  olderFailed,
  userId,
  names,
  onLoadOlder,
  isFixed,
  editedKey,
  actions,
}: {
  messages: readonly ShownMessage[];
  conversation: OpenConversation['conversation'];
  hasOlder: boolean;
  olderFailed: boolean;
  userId: string;
  names: Names;
  onLoadOlder: () => void;
  /** Whether messages cannot be changed, because the user has left the group. */
  isFixed: boolean;
  /** The message that is being edited; null if there is none. */
  editedKey: string | null;
  actions: MessageActions;
}) {
  const inGroup = conversation !== null && isGroup(conversation);
  const now = new Date();
  const otherName =
    conversation === null || (!inGroup && isWithOneself(conversation, userId))
      ? 'yourself'
      : inGroup && conversation.name === null
        ? 'the group'
        : titleOf(conversation, userId, names);
  const lastOwn = messages.findLast(
    ({ senderId, state, isDeleted }) => senderId === userId && state === 'sent' && !isDeleted,
  );
  return (
    <div class="message-list">
      {olderFailed ? (
        <p class="message-list-start" role="alert">
          Older messages could not be loaded.{' '}
          <button type="button" class="link-button" onClick={onLoadOlder}>
            Try again
          </button>
        </p>
      ) : hasOlder ? (
        <p class="message-list-start">Loading older messages…</p>
      ) : (
        <p class="message-list-start">
          {messages.length === 0
            ? 'No messages yet. Write the first one to '
            : `This is the beginning of ${inGroup ? '' : 'your conversation with '}`}
          <bdi>{otherName}</bdi>.
        </p>
      )}
      {daysOf(messages).map((day) => (
        <section key={day.key} class="day" aria-label={dayName(day.time, now)}>
          <h3 class="day-separator">
            <span>{dayName(day.time, now)}</span>
          </h3>
          <ol class="day-messages">
            {day.rows.map(({ message, startsGroup, endsGroup }) => (
              <MessageItem
                key={message.key}
                message={message}
                startsGroup={startsGroup}
                endsGroup={endsGroup}
                isOwn={message.senderId === userId}
                name={nameOf(message.senderId, names)}
                receipt={message === lastOwn ? receiptFor(message, conversation, userId) : null}
                inGroup={inGroup}
                isFixed={isFixed}
                isInEditor={message.key === editedKey}
                actions={actions}
              />
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

/** Whether another participant has read a message of the user. */
function receiptFor(
  message: ShownMessage,
  conversation: OpenConversation['conversation'],
  userId: string,
): 'sent' | 'seen' {
  const others = (conversation?.read_positions ?? []).filter((position) => position.user_id !== userId);
  // As text, ids sort in the order of the messages.
  return others.some(({ read_up_to }) => read_up_to !== null && read_up_to >= message.key) ? 'seen' : 'sent';
}
