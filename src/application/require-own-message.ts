import { canActAs, type Caller } from '../domain/caller.ts';
import type { Participants } from '../domain/conversation.ts';
import { isGroupId, type ConversationId, type MessageId } from '../domain/ids.ts';
import { messageForMember, participantsIn, type Roster } from '../domain/group.ts';
import type { Message } from '../domain/message.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

/** The refusal for a message that does not exist in a conversation of the caller. */
export function messageNotFound(): Refusal {
  return new Refusal('message_not_found', 'There is no such message in this conversation.');
}

/**
 * The message, and the participants of its conversation, who see its changes. Refuses with `conversation_not_found` (to
 * non-participants, too), `message_not_found`, or `message_of_another` if the caller can't act as its sender.
 */
export async function requireOwnMessage(
  deps: {
    readonly conversations: ConversationRepository;
    readonly groups: GroupRepository;
    readonly messages: MessageRepository;
  },
  caller: Caller,
  conversationId: ConversationId,
  messageId: MessageId,
): Promise<{
  readonly message: Message;
  readonly participants: Participants;
  /** Null in a conversation of two. */
  readonly roster: Roster | null;
}> {
  const own = caller.kind === 'user' ? await requireParticipant(deps, caller.userId, conversationId) : null;
  const isGroup = isGroupId(conversationId);
  const [roster, conversation, [found]] = await Promise.all([
    isGroup ? deps.groups.find(conversationId) : null,
    isGroup ? null : deps.conversations.find(conversationId),
    deps.messages.find(conversationId, [messageId]),
  ]);
  const participants = roster === null ? conversation?.participants : participantsIn(roster);
  if (participants === undefined) throw conversationNotFound();
  const message = found === undefined ? null : messageForMember(found, own);
  if (message === null) throw messageNotFound();
  if (!canActAs(caller, message.senderId)) {
    throw new Refusal('message_of_another', 'Only its sender may change a message.');
  }
  return { message, participants, roster };
}
