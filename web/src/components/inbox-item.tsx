import type { InboxEntry } from 'cassandra-messenger-client';
import { memo } from '../memo.ts';
import { avatarOf, isGroup, isWithOneself, nameOf, titleOf, type Names } from '../people.ts';
import { linkTo } from '../route.ts';
import { exactTime, shortTime } from '../time.ts';
import { Avatar } from './avatar.tsx';

/** The count that means more than 99. */
const MAX_COUNT = 100;

/** One conversation of the inbox: title, last message, time and unread count. */
export function InboxItem({
  entry,
  userId,
  names,
  ...rest
}: {
  entry: InboxEntry;
  userId: string;
  names: Names;
  isOpen: boolean;
  /** Whether the Tab key focuses it. The arrow keys focus the others. */
  isTabStop: boolean;
  /** The key of the current day; the shown time depends on it. */
  today: string;
}) {
  const avatar = avatarOf(entry, userId, names);
  return (
    <InboxLink
      {...rest}
      entry={entry}
      link={linkTo(userId, entry.id)}
      title={titleOf(entry, userId, names)}
      preview={previewOf(entry, userId, names)}
      avatarId={avatar.id}
      avatarName={avatar.name}
    />
  );
}

/** Thousands can be shown, most of which do not change. */
const InboxLink = memo(function InboxLink({
  entry: { last_message_at, unread, unread_count },
  link,
  title,
  preview,
  avatarId,
  avatarName,
  isOpen,
  isTabStop,
}: {
  entry: InboxEntry;
  link: string;
  title: string;
  preview: string;
  avatarId: string;
  avatarName: string;
  isOpen: boolean;
  isTabStop: boolean;
  today: string;
}) {
  const count = unread_count ?? (unread ? 1 : 0);
  const at = last_message_at === null ? null : new Date(last_message_at);
  return (
    <a
      class="inbox-item"
      href={link}
      tabIndex={isTabStop ? 0 : -1}
      aria-current={isOpen ? 'page' : undefined}
      data-unread={count > 0}
    >
      <Avatar id={avatarId} name={avatarName} />
      <span class="inbox-item-title" dir="auto">
        {title}
      </span>
      {at !== null && (
        <time class="inbox-item-time" dateTime={last_message_at ?? ''} title={exactTime(at)}>
          {shortTime(at, new Date())}
        </time>
      )}
      <span class="inbox-item-preview" dir="auto">
        {preview}
      </span>
      {count > 0 && (
        <span class="badge">
          {count >= MAX_COUNT ? '99+' : count}
          <span class="visually-hidden"> unread</span>
        </span>
      )}
    </a>
  );
});

function previewOf(entry: InboxEntry, userId: string, names: Names): string {
  const { last_message_id, last_message_sender_id: senderId, last_message_content: content } = entry;
  if (entry.left_at !== null) return 'You are no longer a member';
  if (last_message_id === null) return 'No messages yet';
  if (content === null) return 'Message deleted';
  if (senderId === userId) return isWithOneself(entry, userId) ? content : `You: ${content}`;
  return isGroup(entry) ? `${nameOf(senderId ?? '', names)}: ${content}` : content;
}
