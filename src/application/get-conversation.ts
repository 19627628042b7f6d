import type { Caller } from '../domain/caller.ts';
import type { Conversation } from '../domain/conversation.ts';
import type { ConversationId } from '../domain/ids.ts';
import type { Message } from '../domain/message.ts';
import type { ReadPosition } from '../domain/read-position.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

export interface GetConversationQuery {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
}

/** A conversation with the newest message of its history and the read positions of its participants. */
export interface ConversationSummary {
  readonly conversation: Conversation;
  /** Null while the conversation is empty. */
  readonly lastMessage: Message | null;
  /** In the order of the participants. */
  readonly readPositions: readonly ReadPosition[];
}

/** A conversation, its last message and its read positions. Refuses non-participants with `conversation_not_found`. */
export type GetConversation = (query: GetConversationQuery) => Promise<ConversationSummary>;

export function makeGetConversation(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  readPositions: ReadPositionRepository;
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
    const readPositions = await deps.readPositions.listByConversation(conversation);
    return { conversation, lastMessage: lastMessage ?? null, readPositions };
  };
}
