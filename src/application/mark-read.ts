import { canActAs, type Caller } from '../domain/caller.ts';
import { isGroupId, type EventId, type UserId } from '../domain/ids.ts';
import type { ReadMark } from '../domain/read-position.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

export interface MarkReadCommand extends ReadMark {
  readonly caller: Caller;
}

export interface MarkReadResult {
  /** The position after the mark: never lower than before. */
  readonly readUpTo: EventId;
  /** The users whose event logs report the mark: in a group only the reader. */
  readonly participants: readonly UserId[];
}

/**
 * Marks a conversation as read by one of its participants. Idempotent: marks that are repeated, late or out of order
 * change nothing. Refuses with `reader_is_another`, or with `conversation_not_found` if the conversation is not in the
 * user's inbox.
 */
export type MarkRead = (command: MarkReadCommand) => Promise<MarkReadResult>;

export function makeMarkRead(deps: {
  conversations: ConversationRepository;
  groups: GroupRepository;
  readPositions: ReadPositionRepository;
  messageIds: MessageIds;
}): MarkRead {
  return async ({ caller, conversationId, userId, upTo }) => {
    if (!canActAs(caller, userId)) {
      throw new Refusal('reader_is_another', 'A user may only mark conversations as read for themselves.');
    }
    const isGroup = isGroupId(conversationId);
    const own = isGroup ? await requireParticipant(deps, userId, conversationId) : null;
    const readUpTo = await deps.readPositions.mark({ userId, conversationId, upTo }, own);
    if (readUpTo === null) throw conversationNotFound();
    deps.messageIds.observe(readUpTo);
    if (isGroup) return { readUpTo, participants: [userId] };
    // The mark is stored: if the participants can't be read, only a hint is missing.
    const conversation = await deps.conversations.find(conversationId).catch(() => null);
    return { readUpTo, participants: conversation?.participants ?? [userId] };
  };
}
