import type { Caller } from '../domain/caller.ts';
import type { Participants } from '../domain/conversation.ts';
import { composeGroupName } from '../domain/group.ts';
import type { ConversationId } from '../domain/ids.ts';
import { changeGroup, type ChangeGroupDeps } from './change-group.ts';
import { makeGetConversation, type ConversationSummary } from './get-conversation.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';
import { requireStillMember } from './require-participant.ts';
import { afterWrite } from './start-conversation.ts';

export interface RenameGroupCommand {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
  readonly name: string;
}

export interface RenameGroupResult extends ConversationSummary {
  /** The users whose event logs report the change. */
  readonly notified: Participants;
}

/**
 * Names a group. Any member may do so. Of several names the last one wins. Refuses with `conversation_not_found`,
 * `not_a_group`, `member_left`, `group_name_blank`, `group_name_too_long` or `group_name_not_text`.
 */
export type RenameGroup = (command: RenameGroupCommand) => Promise<RenameGroupResult>;

export function makeRenameGroup(
  deps: ChangeGroupDeps & { readonly readPositions: ReadPositionRepository },
): RenameGroup {
  const getConversation = makeGetConversation(deps);
  return async ({ caller, conversationId, name }) => {
    const composed = composeGroupName(name);
    const notified = await changeGroup(deps, { caller, conversationId }, async (event, roster) => {
      if (caller.kind === 'user') requireStillMember(caller.userId, roster);
      await deps.groups.rename(conversationId, composed, event);
    });
    const summary = await getConversation({ caller, conversationId }).catch(afterWrite);
    return { ...summary, notified };
  };
}
