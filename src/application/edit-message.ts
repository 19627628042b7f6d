import type { Caller } from '../domain/caller.ts';
import type { Participants } from '../domain/conversation.ts';
import type { ConversationId, MessageId } from '../domain/ids.ts';
import { requireContent, type Message } from '../domain/message.ts';
import { Refusal } from '../domain/refusal.ts';
import { nextIdAfter } from './next-id-after.ts';
import type { Capacity } from './ports/capacity.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import { messageNotFound, requireOwnMessage } from './require-own-message.ts';
import { requireStillMember } from './require-participant.ts';

export interface EditMessageCommand {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly content: string;
}

export interface EditMessageResult {
  /** The message after the edit. If there was a later edit meanwhile, it has that content. */
  readonly message: Message;
  /** The users whose event logs report the edit. */
  readonly participants: Participants;
}

/**
 * Replaces the content of a message; its place in history and inboxes stays. Of concurrent edits the last one wins.
 *
 * Refuses with `content_blank`, `content_too_long`, `content_not_text`, `conversation_not_found` (to non-participants,
 * too), `message_not_found`, `message_of_another`, `member_left` or `message_deleted`.
 */
export type EditMessage = (command: EditMessageCommand) => Promise<EditMessageResult>;

export function makeEditMessage(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  messageIds: MessageIds;
  capacity: Capacity;
}): EditMessage {
  return async ({ caller, conversationId, messageId, content }) => {
    requireContent(content);
    const found = await requireOwnMessage(deps, caller, conversationId, messageId);
    if (found.roster !== null && caller.kind === 'user') requireStillMember(caller.userId, found.roster);
    if (found.message.deletionId !== null) throw messageDeleted();
    const { participants, roster } = found;
    deps.messageIds.observe(found.message.id);
    // Those who left a group before the edit must not see it, and the last of several edits wins.
    const editId = nextIdAfter(deps.messageIds, found.message.editId, roster?.changed);
    const release = deps.capacity.reserve(participants.length);
    try {
      const message = await deps.messages.edit({ conversationId, messageId, participants, editId, content });
      if (message === null) throw messageNotFound();
      if (message.deletionId !== null) throw messageDeleted();
      return { message, participants };
    } finally {
      release();
    }
  };
}

function messageDeleted(): Refusal {
  return new Refusal('message_deleted', 'The message is deleted and cannot be edited.');
}
