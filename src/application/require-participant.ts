import type { OwnMembership, Roster } from '../domain/group.ts';
import { isGroupId, type ConversationId, type UserId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';

/** The refusal for a conversation that does not exist and for a conversation of other users: the same for both. */
export function conversationNotFound(): Refusal {
  return new Refusal('conversation_not_found', 'There is no such conversation.');
}

/**
 * The membership of a user in a group; null in a conversation of two. Refuses with `conversation_not_found` if the user
 * is not a participant and, in a group, never was one. First it reads the user's own inbox, where a
 * conversation of other users and one that does not exist are equally absent. It must run before anything of the
 * conversation is read, not in parallel, so that neither the response nor its latency reveals which it is.
 */
export async function requireParticipant(
  { conversations, groups }: { conversations: ConversationRepository; groups: GroupRepository },
  userId: UserId,
  conversationId: ConversationId,
): Promise<OwnMembership | null> {
  if (!isGroupId(conversationId)) {
    if (!(await conversations.isInInbox(userId, conversationId))) throw conversationNotFound();
    return null;
  }
  const membership = await groups.findMembership(conversationId, userId);
  if (membership === null) throw conversationNotFound();
  return membership;
}

/**
 * Whether the user is a member of the group now. By the group itself, not by the user's own inbox, which may not have the end
 * of the membership yet.
 */
export function isStillMember(userId: UserId, { members }: Pick<Roster, 'members'>): boolean {
  return members.some((member) => member.userId === userId && member.left === null);
}

/** Refuses with `member_left` if the user is not a member of the group now, see `isStillMember`. */
export function requireStillMember(userId: UserId, roster: Pick<Roster, 'members'>): void {
  if (!isStillMember(userId, roster)) {
    throw new Refusal('member_left', 'The user has left this group, and may only read it up to then.');
  }
}
