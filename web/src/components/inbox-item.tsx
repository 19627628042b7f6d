import type { InboxEntry } from 'cassandra-messenger-client';
import { avatarOf, isGroup, isNotes, nameOf, titleOf, type Names } from '../people.ts';
import { linkTo } from '../route.ts';
import { exactTime, shortTime } from '../time.ts';
import { Avatar } from './avatar.tsx';

/** The count that stands for more than 99. */
const MANY = 100;

/** One conversation of the inbox: who, the last message, when, and how many are unread. */
export function InboxItem({
  entry,
  userId,
  names,
  isOpen,
  now,
}: {
  entry: InboxEntry;
  userId: string;
  names: Names;
  isOpen: boolean;
  now: Date;
}) {
  const title = titleOf(entry, userId, names);
  const count = entry.unread_count ?? (entry.unread ? 1 : 0);
  const at = entry.last_message_at === null ? null : new Date(entry.last_message_at);
  return (
    <a
      class="inbox-item"
      href={linkTo(userId, entry.id)}
      aria-current={isOpen ? 'page' : undefined}
      data-unread={count > 0}
    >
      <Avatar {...avatarOf(entry, userId, names)} />
      <span class="inbox-item-title" dir="auto">
        {title}
      </span>
      {at !== null && (
        <time class="inbox-item-time" dateTime={entry.last_message_at ?? ''} title={exactTime(at)}>
          {shortTime(at, now)}
        </time>
      )}
      <span class="inbox-item-preview" dir="auto">
        {previewOf(entry, userId, names)}
      </span>
      {count > 0 && (
        <span class="badge">
          {count >= MANY ? '99+' : count}
          <span class="visually-hidden"> unread</span>
        </span>
      )}
    </a>
  );
}

function previewOf(entry: InboxEntry, userId: string, names: Names): string {
  const { last_message_id, last_message_sender_id: senderId, last_message_content: content } = entry;
  if (entry.left_at !== null) return 'You are not a member any more';
  if (last_message_id === null) return 'No messages yet';
  if (content === null) return 'Message deleted';
  if (senderId === userId) return isNotes(entry, userId) ? content : `You: ${content}`;
  return isGroup(entry) ? `${nameOf(senderId ?? '', names)}: ${content}` : content;
}
