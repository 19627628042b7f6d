import type { Caller } from '../domain/caller.ts';
import type { Participants } from '../domain/conversation.ts';
import type { ConversationId, UserId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import { changeGroup, type ChangeGroupDeps } from './change-group.ts';
import { requireStillMember } from './require-participant.ts';

export interface RemoveMemberCommand {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
  /** The caller, who leaves; or a user whom the creator of the group removes. */
  readonly userId: UserId;
}

export interface RemoveMemberResult {
  /** The users whose event logs report the change. */
  readonly notified: Participants;
}

/**
 * Ends the membership of a user, who sees the messages up to now. Does nothing if the user has left already. The last
 * member may leave; then only a service can add members.
 *
 * Refuses with `conversation_not_found`, `not_a_group`, `member_left` (the caller has left), `not_the_creator` or
 * `member_not_found` (the user was never a member).
 */
export type RemoveMember = (command: RemoveMemberCommand) => Promise<RemoveMemberResult>;

export function makeRemoveMember(deps: ChangeGroupDeps): RemoveMember {
  return async ({ caller, conversationId, userId }) => {
    const notified = await changeGroup(deps, { caller, conversationId }, async (event, roster) => {
      if (caller.kind === 'user' && caller.userId !== userId) {
        requireStillMember(caller.userId, roster);
        if (roster.creatorId !== caller.userId) {
          throw new Refusal('not_the_creator', 'Only the creator of a group may remove others.');
        }
      }
      const outcome = await deps.groups.leave(conversationId, userId, event);
      if (outcome === 'never_a_member') {
        throw new Refusal('member_not_found', 'The user has never been a member of this group.');
      }
    });
    return { notified };
  };
}
