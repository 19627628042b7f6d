import type { Conversation, InboxEntry } from 'cassandra-messenger-client';
import { avatarOf, isGroup, titleOf, type Names } from '../people.ts';
import { linkTo } from '../route.ts';
import { Avatar } from './avatar.tsx';
import { BackIcon, PeopleIcon } from './icons.tsx';

type HeaderConversation =
  | Pick<InboxEntry, 'id' | 'name' | 'participant_ids'>
  | Pick<Conversation, 'id' | 'name' | 'participant_ids' | 'creator_id'>;

/** The title of the conversation. On a phone it has a link back to the inbox. */
export function ConversationHeader({
  conversation,
  userId,
  names,
  onGroup,
}: {
  conversation: HeaderConversation | null;
  userId: string;
  names: Names;
  /** Shows the members of the group; null until they are known. */
  onGroup: (() => void) | null;
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
          <div class="conversation-title">
            <h2 dir="auto">{title}</h2>
            {isGroup(conversation) && conversation.participant_ids !== null && (
              <p class="hint">{countOf(conversation.participant_ids.length)}</p>
            )}
          </div>
          {onGroup !== null && (
            <button type="button" class="icon-button" aria-label="Members of the group" onClick={onGroup}>
              <PeopleIcon />
            </button>
          )}
        </>
      )}
    </header>
  );
}

function countOf(members: number): string {
  return members === 1 ? '1 member' : `${members} members`;
}
