import type { Caller } from '../domain/caller.ts';
import type { ConversationId } from '../domain/ids.ts';
import type { Message } from '../domain/message.ts';
import { pageOf, stretchOf, type Page, type PageRequest } from '../domain/page.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

export interface ListMessagesBeforeQuery extends PageRequest {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
}

/**
 * A page of a conversation's messages, newest first, strictly below `before`; without it, the newest page.
 *
 * Refuses with `conversation_not_found`, to all but the participants; or with `page_too_deep`.
 */
export type ListMessagesBefore = (query: ListMessagesBeforeQuery) => Promise<Page<Message>>;

export function makeListMessagesBefore(needs: {
  messages: MessageRepository;
  conversations: ConversationRepository;
}): ListMessagesBefore {
  return async ({ caller, conversationId, ...request }) => {
    const stretch = stretchOf(request);
    if (caller.kind === 'user') await requireParticipant(needs, caller.userId, conversationId);
    const messages = await needs.messages.listBefore(conversationId, stretch);
    // A message proves its conversation, so that only an empty page has to ask for it.
    if (messages.length === 0 && (await needs.conversations.find(conversationId)) === null) {
      throw conversationNotFound();
    }
    return pageOf(messages, request, (message) => message.id);
  };
}
