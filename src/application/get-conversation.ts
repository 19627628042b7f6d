import type { Conversation } from '../domain/conversation.ts';
import type { ConversationId } from '../domain/ids.ts';
import type { Message } from '../domain/message.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageRepository } from './ports/message-repository.ts';

export interface GetConversationQuery {
  readonly conversationId: ConversationId;
}

/** A conversation with the newest message of its history; null while it is empty. */
export interface ConversationSummary {
  readonly conversation: Conversation;
  readonly lastMessage: Message | null;
}

/** A conversation and its last message. Refuses with `conversation_not_found`. */
export type GetConversation = (query: GetConversationQuery) => Promise<ConversationSummary>;

export function makeGetConversation(needs: {
  messages: MessageRepository;
  conversations: ConversationRepository;
}): GetConversation {
  return async ({ conversationId }) => {
    const [conversation, [lastMessage]] = await Promise.all([
      needs.conversations.find(conversationId),
      needs.messages.listBefore(conversationId, { before: null, skip: 0, limit: 1 }),
    ]);
    if (conversation === null) throw new Refusal('conversation_not_found', 'There is no such conversation.');
    return { conversation, lastMessage: lastMessage ?? null };
  };
}
