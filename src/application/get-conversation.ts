import type { Caller } from '../domain/caller.ts';
import type { Conversation } from '../domain/conversation.ts';
import { messageForMember } from '../domain/group.ts';
import type { ConversationId } from '../domain/ids.ts';
import type { Message } from '../domain/message.ts';
import type { ReadPosition } from '../domain/read-position.ts';
import { findConversation } from './find-conversation.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

export interface GetConversationQuery {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
}

/**
 * A conversation with the newest message of its history and the read positions of its participants. A member of a group
 * sees the messages since joining; one who has left sees the group as it was then.
 */
export interface ConversationSummary {
  readonly conversation: Conversation;
  /** Null while the conversation is empty. */
  readonly lastMessage: Message | null;
  /** In the order of the participants; null in a group. */
  readonly readPositions: readonly ReadPosition[] | null;
}

/** A conversation, its last message and its read positions. Refuses non-participants with `conversation_not_found`. */
export type GetConversation = (query: GetConversationQuery) => Promise<ConversationSummary>;

export function makeGetConversation(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  readPositions: ReadPositionRepository;
  messageIds: MessageIds;
}): GetConversation {
  return async ({ caller, conversationId }) => {
    const own = caller.kind === 'user' ? await requireParticipant(deps, caller.userId, conversationId) : null;
    const left = own?.left ?? null;
    const [found, [newest], participantsThen] = await Promise.all([
      findConversation(deps, conversationId),
      deps.messages.listBefore(conversationId, { before: left, offset: 0, limit: 1 }),
      left === null ? null : deps.groups.listMembersAt(conversationId, left),
    ]);
    if (found === null) throw conversationNotFound();
    const lastMessage = newest === undefined ? null : messageForMember(newest, own);
    deps.messageIds.observe(lastMessage?.id ?? found.created);
    if (found.group !== undefined) {
      // A user who has left gets the name and the members at the event of leaving.
      const name = own === null || left === null ? found.group.name : own.nameAtLeaving;
      const group = { ...found.group, name };
      const conversation = { ...found, participants: participantsThen ?? found.participants, group };
      return { conversation, lastMessage, readPositions: null };
    }
    const readPositions = await deps.readPositions.listByConversation(found);
    return { conversation: found, lastMessage, readPositions };
  };
}
