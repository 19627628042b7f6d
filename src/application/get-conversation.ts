import type { Caller } from '../domain/caller.ts';
import type { Conversation } from '../domain/conversation.ts';
import type { ConversationId } from '../domain/ids.ts';
import type { Message } from '../domain/message.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

export interface GetConversationQuery {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
}

/** A conversation with the newest message of its history; null while it is empty. */
export interface ConversationSummary {
  readonly conversation: Conversation;
  readonly lastMessage: Message | null;
}

/** A conversation and its last message. Refuses with `conversation_not_found`, to all but its participants. */
export type GetConversation = (query: GetConversationQuery) => Promise<ConversationSummary>;

export function makeGetConversation(needs: {
  messages: MessageRepository;
  conversations: ConversationRepository;
}): GetConversation {
  return async ({ caller, conversationId }) => {
    if (caller.kind === 'user') await requireParticipant(needs, caller.userId, conversationId);
    const [conversation, [lastMessage]] = await Promise.all([
      needs.conversations.find(conversationId),
      needs.messages.listBefore(conversationId, { before: null, skip: 0, limit: 1 }),
    ]);
    if (conversation === null) throw conversationNotFound();
    return { conversation, lastMessage: lastMessage ?? null };
  };
}
