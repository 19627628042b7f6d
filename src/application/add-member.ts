import type { Caller } from '../domain/caller.ts';
import { participantsOf, type Participants } from '../domain/conversation.ts';
import type { ConversationId, UserId } from '../domain/ids.ts';
import { MAX_GROUP_SIZE, requireGroupSize } from '../domain/group.ts';
import { changeGroup, type ChangeGroupDeps } from './change-group.ts';
import { makeGetConversation, type ConversationSummary } from './get-conversation.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';
import { requireStillMember } from './require-participant.ts';
import { afterWrite } from './start-conversation.ts';

export interface AddMemberCommand {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
  readonly userId: UserId;
}

export interface AddMemberResult extends ConversationSummary {
  /** The users whose event logs report the change. */
  readonly notified: Participants;
}

/**
 * Adds a user to a group, who sees the messages from now on. Any member may do so. Does nothing if the user is a member.
 * Refuses with `conversation_not_found`, `not_a_group`, `member_left` (the caller has left) or `group_too_large`.
 */
export type AddMember = (command: AddMemberCommand) => Promise<AddMemberResult>;

export function makeAddMember(
  deps: ChangeGroupDeps & { readonly readPositions: ReadPositionRepository },
): AddMember {
  const getConversation = makeGetConversation(deps);
  return async ({ caller, conversationId, userId }) => {
    const members = await changeGroup(deps, { caller, conversationId }, async (event, roster) => {
      if (caller.kind === 'user') requireStillMember(caller.userId, roster);
      const outcome = await deps.groups.join(conversationId, userId, event);
      if (outcome === 'group_full') requireGroupSize(MAX_GROUP_SIZE + 1);
    });
    const summary = await getConversation({ caller, conversationId }).catch(afterWrite);
    return { ...summary, notified: participantsOf(...members, userId) };
  };
}
