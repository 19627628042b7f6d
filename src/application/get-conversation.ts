import type { Caller } from '../domain/caller.ts';
import type { Conversation } from '../domain/conversation.ts';
import type { ConversationId } from '../domain/ids.ts';
import type { Message } from '../domain/message.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
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

export function makeGetConversation(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  messageIds: MessageIds;
}): GetConversation {
  return async ({ caller, conversationId }) => {
    if (caller.kind === 'user') await requireParticipant(deps, caller.userId, conversationId);
    const [conversation, [lastMessage]] = await Promise.all([
      deps.conversations.find(conversationId),
      deps.messages.listBefore(conversationId, { before: null, offset: 0, limit: 1 }),
    ]);
    if (conversation === null) throw conversationNotFound();
    deps.messageIds.observe(lastMessage?.id ?? conversation.created);
    return { conversation, lastMessage: lastMessage ?? null };
  };
}
