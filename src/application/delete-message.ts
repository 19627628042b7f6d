import type { Caller } from '../domain/caller.ts';
import type { Participants } from '../domain/conversation.ts';
import type { ConversationId, MessageId } from '../domain/ids.ts';
import type { Capacity } from './ports/capacity.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import { messageNotFound, requireOwnMessage } from './require-own-message.ts';

export interface DeleteMessageCommand {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
}

export interface DeleteMessageResult {
  /** The users whose event logs report the deletion. */
  readonly participants: Participants;
}

/**
 * Deletes the content of a message. The message stays in history and inbox, marked as deleted. Safe to repeat.
 *
 * Refuses with `conversation_not_found` (to non-participants, too), `message_not_found` or `message_of_another`.
 */
export type DeleteMessage = (command: DeleteMessageCommand) => Promise<DeleteMessageResult>;

export function makeDeleteMessage(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  messageIds: MessageIds;
  capacity: Capacity;
}): DeleteMessage {
  return async ({ caller, conversationId, messageId }) => {
    const found = await requireOwnMessage(deps, caller, conversationId, messageId);
    const { participants } = found;
    // The message may have been sent or edited by a process whose clock is ahead.
    deps.messageIds.observe(found.message.editId ?? found.message.id);
    // A repeat writes, too: it completes a deletion that was only partly stored.
    const deletionId = deps.messageIds.next();
    const release = deps.capacity.reserve(participants.length);
    try {
      const message = await deps.messages.delete({ conversationId, messageId, participants, deletionId });
      if (message === null) throw messageNotFound();
      return { participants };
    } finally {
      release();
    }
  };
}
