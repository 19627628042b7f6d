import type { Conversation, InboxEntry } from 'cassandra-messenger-client';
import { avatarOf, titleOf, type Names } from '../people.ts';
import { linkTo } from '../route.ts';
import { Avatar } from './avatar.tsx';
import { BackIcon } from './icons.tsx';

/** Who the conversation is with. On a phone it has the way back to the inbox. */
export function ConversationHeader({
  conversation,
  userId,
  names,
}: {
  conversation: Pick<InboxEntry | Conversation, 'id' | 'name' | 'participant_ids'> | null;
  userId: string;
  names: Names;
}) {
  const title = conversation === null ? '' : titleOf(conversation, userId, names);
  return (
    <header class="conversation-header">
      <a class="icon-button back" href={linkTo(userId)} aria-label="Back to all conversations">
        <BackIcon />
      </a>
      {conversation !== null && (
        <>
          <Avatar {...avatarOf(conversation, userId, names)} size="small" />
          <h2 dir="auto">{title}</h2>
        </>
      )}
    </header>
  );
}
