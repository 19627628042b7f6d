import type { Caller } from '../domain/caller.ts';
import type { ConversationId, MessageId } from '../domain/ids.ts';
import { messageForMember } from '../domain/group.ts';
import type { Message } from '../domain/message.ts';
import { findConversation } from './find-conversation.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import { messageNotFound } from './require-own-message.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

export interface GetMessageQuery {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
}

/**
 * One message of a conversation; a deleted one has no content. Refuses with `conversation_not_found` (to
 * non-participants, too) or `message_not_found`.
 */
export type GetMessage = (query: GetMessageQuery) => Promise<Message>;

export function makeGetMessage(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  messageIds: MessageIds;
}): GetMessage {
  return async ({ caller, conversationId, messageId }) => {
    const own = caller.kind === 'user' ? await requireParticipant(deps, caller.userId, conversationId) : null;
    const [found] = await deps.messages.find(conversationId, [messageId]);
    const message = found === undefined ? null : messageForMember(found, own);
    if (message === null) {
      const conversation = await findConversation(deps, conversationId);
      throw conversation === null ? conversationNotFound() : messageNotFound();
    }
    deps.messageIds.observe(message.id);
    return message;
  };
}
