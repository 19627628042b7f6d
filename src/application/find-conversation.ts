import type { Conversation } from '../domain/conversation.ts';
import { participantsIn } from '../domain/group.ts';
import { isGroupId, type ConversationId } from '../domain/ids.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';

/** A conversation of two or a group, as it is now; null if it does not exist. */
export async function findConversation(
  { conversations, groups }: { conversations: ConversationRepository; groups: GroupRepository },
  id: ConversationId,
): Promise<Conversation | null> {
  if (!isGroupId(id)) return conversations.find(id);
  const roster = await groups.find(id);
  if (roster === null) return null;
  const { created, name, creatorId } = roster;
  return { id, participants: participantsIn(roster), created, group: { name, creatorId } };
}
