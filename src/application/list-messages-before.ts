import type { ConversationId } from '../domain/ids.ts';
import type { Message } from '../domain/message.ts';
import { pageOf, stretchOf, type Page, type PageRequest } from '../domain/page.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageRepository } from './ports/message-repository.ts';

export interface ListMessagesBeforeQuery extends PageRequest {
  readonly conversationId: ConversationId;
}

/**
 * A page of a conversation's messages, newest first, strictly below `before`; without it, the newest page.
 *
 * Refuses with `conversation_not_found`, or `page_too_deep`.
 */
export type ListMessagesBefore = (query: ListMessagesBeforeQuery) => Promise<Page<Message>>;

export function makeListMessagesBefore(needs: {
  messages: MessageRepository;
  conversations: ConversationRepository;
}): ListMessagesBefore {
  return async ({ conversationId, ...request }) => {
    const messages = await needs.messages.listBefore(conversationId, stretchOf(request));
    // A message proves its conversation, so that only an empty page has to ask for it.
    if (messages.length === 0 && (await needs.conversations.find(conversationId)) === null) {
      throw new Refusal('conversation_not_found', 'There is no such conversation.');
    }
    return pageOf(messages, request, (message) => message.id);
  };
}
