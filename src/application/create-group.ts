import { canActAs, type Caller } from '../domain/caller.ts';
import { participantsOf } from '../domain/conversation.ts';
import { composeGroupName, requireGroupSize } from '../domain/group.ts';
import type { IdempotencyKey, UserId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import { makeGetConversation, type ConversationSummary } from './get-conversation.ts';
import type { Capacity } from './ports/capacity.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';
import { afterWrite } from './start-conversation.ts';

export interface CreateGroupCommand {
  readonly caller: Caller;
  readonly creatorId: UserId;
  /** At least three distinct users, the creator among them. */
  readonly participantIds: readonly UserId[];
  readonly name: string | null;
  /** Makes the command safe to repeat: (creator, key) identifies one group, within the retention of keys. */
  readonly idempotencyKey: IdempotencyKey | null;
}

export interface CreateGroupResult extends ConversationSummary {
  /** Whether the key was used before; then the group is that of the first request, as it is now. */
  readonly replayed: boolean;
}

/**
 * Creates a group and puts it into the inbox of each member. Refuses with `creator_is_another`, `participants_are_others`
 * (the creator is not among the participants), `group_too_large`, `group_name_blank`, `group_name_too_long`,
 * `group_name_not_text` or `idempotency_key_reused`.
 */
export type CreateGroup = (command: CreateGroupCommand) => Promise<CreateGroupResult>;

export function makeCreateGroup(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  readPositions: ReadPositionRepository;
  messageIds: MessageIds;
  capacity: Capacity;
}): CreateGroup {
  const getConversation = makeGetConversation(deps);
  return async ({ caller, creatorId, participantIds, name, idempotencyKey }) => {
    if (!canActAs(caller, creatorId)) {
      throw new Refusal('creator_is_another', 'A user may only create groups under their own id.');
    }
    requireGroupSize(participantIds.length);
    const participants = participantsOf(...participantIds);
    if (!participants.includes(creatorId)) {
      throw new Refusal('participants_are_others', 'The creator of a group must be one of its participants.');
    }
    const composed = name === null ? null : composeGroupName(name);
    const release = deps.capacity.reserve(participants.length);
    try {
      const created = deps.messageIds.next();
      const result = await deps.groups.create({
        created,
        creatorId,
        participants,
        name: composed,
        idempotencyKey,
      });
      if (result.outcome === 'key_reused') {
        throw new Refusal(
          'idempotency_key_reused',
          'This idempotency key was used before with another body.',
        );
      }
      const summary = await getConversation({ caller, conversationId: result.id }).catch(afterWrite);
      return { ...summary, replayed: result.outcome === 'repeated' };
    } finally {
      release();
    }
  };
}
