import type { Row } from '../message-rows.ts';
import { nameOf, type Names } from '../people.ts';
import { isEmojiOnly } from '../text-parts.ts';
import { clockTime, exactTime } from '../time.ts';
import { Avatar } from './avatar.tsx';
import { MessageContent } from './message-content.tsx';
import { MessageState } from './message-state.tsx';

/** One message: a bubble at the side of its sender. The last one of a group has the time and the avatar. */
export function MessageItem({
  row: { message, startsGroup, endsGroup },
  userId,
  names,
  receipt,
  onRetry,
  onDiscard,
}: {
  row: Row;
  userId: string;
  names: Names;
  /** Whether the last message of one's own was read; null for other messages. */
  receipt: 'sent' | 'seen' | null;
  onRetry: (key: string) => void;
  onDiscard: (key: string) => void;
}) {
  const { key, senderId, content, time, state } = message;
  const isOwn = senderId === userId;
  const name = nameOf(senderId, names);
  const classes = [
    'message',
    isOwn ? 'message-own' : 'message-other',
    startsGroup && 'message-starts-group',
    endsGroup && 'message-ends-group',
    state !== 'sent' && `message-${state}`,
    content === null && 'message-deleted',
    content !== null && isEmojiOnly(content) && 'message-emoji',
  ];
  return (
    <li class={classes.filter(Boolean).join(' ')} data-key={key}>
      {!isOwn && endsGroup && <Avatar id={senderId} name={name} size="small" />}
      <div class="bubble" title={exactTime(time)}>
        <span class="visually-hidden">{isOwn ? 'You' : name}: </span>
        <div dir="auto">
          {content === null ? 'This message was deleted' : <MessageContent text={content} />}
        </div>
      </div>
      {(endsGroup || receipt !== null || state === 'failed') && (
        <div class="message-footer">
          {message.isEdited && <span>Edited</span>}
          <time dateTime={time.toISOString()}>{clockTime(time)}</time>
          {isOwn && (
            <MessageState
              message={message}
              receipt={receipt}
              onRetry={() => {
                onRetry(key);
              }}
              onDiscard={() => {
                onDiscard(key);
              }}
            />
          )}
        </div>
      )}
    </li>
  );
}
