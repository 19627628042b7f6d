import type { InboxEntry } from 'cassandra-messenger-client';
import { avatarOf, isNotes, titleOf, type Names } from '../people.ts';
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
        {previewOf(entry, userId)}
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

function previewOf(entry: InboxEntry, userId: string): string {
  if (entry.last_message_id === null) return 'No messages yet';
  if (entry.last_message_content === null) return 'This message was deleted';
  const isOwn = entry.last_message_sender_id === userId && !isNotes(entry, userId);
  return `${isOwn ? 'You: ' : ''}${entry.last_message_content}`;
}
