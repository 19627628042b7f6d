import { canActAs, type Caller } from '../domain/caller.ts';
import { otherParticipant, type Participants } from '../domain/conversation.ts';
import { membersAt } from '../domain/group.ts';
import { isGroupId, type ConversationId, type IdempotencyKey, type UserId } from '../domain/ids.ts';
import { requireContent } from '../domain/message.ts';
import { Refusal } from '../domain/refusal.ts';
import { nextIdAfter } from './next-id-after.ts';
import type { Capacity } from './ports/capacity.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import {
  conversationNotFound,
  isStillMember,
  requireParticipant,
  requireStillMember,
} from './require-participant.ts';
import { appendMessage, type SendMessageResult } from './send-message.ts';

export interface SendToConversationCommand {
  readonly caller: Caller;
  readonly senderId: UserId;
  readonly conversationId: ConversationId;
  readonly content: string;
  /** As in `SendMessageCommand`. */
  readonly idempotencyKey: IdempotencyKey | null;
}

export interface SendToConversationResult extends SendMessageResult {
  /** The users whose event logs have the message; the present members for a repeat that has added no event. */
  readonly recipients: Participants;
}

/**
 * Sends a message to an existing conversation, of two users or a group.
 *
 * When it resolves, the message, its entry in every participant's inbox and its event in every participant's log are
 * stored. Refuses like `SendMessage`, and with `conversation_not_found` if the sender is not a participant or with
 * `member_left` if the sender has left the group, except for the repeat of a message that is stored already.
 */
export type SendToConversation = (command: SendToConversationCommand) => Promise<SendToConversationResult>;

export function makeSendToConversation(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  messageIds: MessageIds;
  capacity: Capacity;
}): SendToConversation {
  return async ({ caller, senderId, conversationId, content, idempotencyKey }) => {
    if (!canActAs(caller, senderId)) {
      throw new Refusal('sender_is_another', 'A user may only send messages under their own id.');
    }
    requireContent(content);
    await requireParticipant(deps, senderId, conversationId);
    const message = { conversationId, senderId, content };
    if (!isGroupId(conversationId)) {
      const conversation = await deps.conversations.find(conversationId);
      if (conversation === null) throw conversationNotFound();
      const { participants } = conversation;
      const receiverId = otherParticipant(senderId, participants);
      const whole = { ...message, id: deps.messageIds.next(), receiverId };
      const { recipients: _, ...sent } = await appendMessage(deps, {
        message: whole,
        participants,
        idempotencyKey,
      });
      return { ...sent, recipients: participants };
    }
    const roster = await deps.groups.find(conversationId);
    if (roster === null) throw conversationNotFound();
    if (!isStillMember(senderId, roster)) {
      const sent = idempotencyKey === null ? null : await deps.messages.findByKey(senderId, idempotencyKey);
      if (sent?.conversationId !== conversationId) requireStillMember(senderId, roster);
    }
    const id = nextIdAfter(deps.messageIds, roster.changed);
    const participants = membersAt(roster.members, id);
    const release = deps.capacity.reserve(participants.length);
    try {
      const whole = { ...message, id, receiverId: null };
      const sent = await appendMessage(deps, { message: whole, participants, idempotencyKey });
      return { ...sent, recipients: sent.recipients ?? participants };
    } finally {
      release();
    }
  };
}
