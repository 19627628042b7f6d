import { useRef } from 'preact/hooks';
import { memo } from '../memo.ts';
import type { ShownMessage } from '../message-rows.ts';
import { isEmojiOnly } from '../text-parts.ts';
import { clockTime, exactTime } from '../time.ts';
import { Avatar } from './avatar.tsx';
import { MessageContent } from './message-content.tsx';
import { MessageMenu } from './message-menu.tsx';
import { MessageState } from './message-state.tsx';

/** What can be done with messages. */
export interface MessageActions {
  readonly onRetry: (key: string) => void;
  readonly onDiscard: (key: string) => void;
  readonly onEdit: (message: ShownMessage) => void;
  readonly onDelete: (message: ShownMessage) => void;
}

/**
 * One message: a bubble at the side of its sender. The last one of a group has the time and the avatar. Thousands can be
 * shown, most of which do not change.
 */
export const MessageItem = memo(function MessageItem({
  message,
  startsGroup,
  endsGroup,
  isOwn,
  name,
  receipt,
  inGroup,
  isFixed,
  isInEditor,
  actions: { onRetry, onDiscard, onEdit, onDelete },
}: {
  message: ShownMessage;
  /** Whether it is the first, or the last, of several messages of one sender. */
  startsGroup: boolean;
  endsGroup: boolean;
  isOwn: boolean;
  /** The name of the sender. */
  name: string;
  /** Whether the last message of the user was read; null for other messages. */
  receipt: 'sent' | 'seen' | null;
  /** Whether the name of the sender is shown. */
  inGroup: boolean;
  /** Whether messages cannot be changed, because the user has left the group. */
  isFixed: boolean;
  /** Whether it is being edited. */
  isInEditor: boolean;
  actions: MessageActions;
}) {
  const openMenu = useRef<(() => void) | null>(null);
  const { key, senderId, content, time, state } = message;
  const canChange = !isFixed && isOwn && state === 'sent' && content !== null;
  const classes = [
    'message',
    isOwn ? 'message-own' : 'message-other',
    startsGroup && 'message-starts-group',
    endsGroup && 'message-ends-group',
    state !== 'sent' && `message-${state}`,
    isInEditor && 'message-in-editor',
    content === null && 'message-deleted',
    content !== null && isEmojiOnly(content) && 'message-emoji',
  ];
  return (
    <li class={classes.filter(Boolean).join(' ')} data-key={key}>
      {!isOwn && endsGroup && <Avatar id={senderId} name={name} size="small" />}
      {inGroup && !isOwn && startsGroup && (
        <span class="message-sender" aria-hidden="true">
          {name}
        </span>
      )}
      <div class="message-line">
        <div
          class="bubble"
          title={exactTime(time)}
          onContextMenu={(event) => {
            // A long press.
            const isTouch = 'pointerType' in event && event.pointerType === 'touch';
            if (!canChange || !isTouch) return;
            event.preventDefault();
            openMenu.current?.();
          }}
        >
          <span class="visually-hidden">{isOwn ? 'You' : name}: </span>
          <div id={`text-${key}`} dir="auto">
            {content !== null ? (
              <MessageContent text={content} />
            ) : message.isDeleted ? (
              'Message deleted'
            ) : (
              'Message edited after you left'
            )}
          </div>
        </div>
        {canChange && (
          <MessageMenu
            openRef={openMenu}
            describedBy={`text-${key}`}
            onEdit={() => {
              onEdit(message);
            }}
            onDelete={() => {
              onDelete(message);
            }}
          />
        )}
      </div>
      {(endsGroup || message.isEdited || receipt !== null || state === 'failed') && (
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
});
