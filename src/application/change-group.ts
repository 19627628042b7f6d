import type { Caller } from '../domain/caller.ts';
import type { Participants } from '../domain/conversation.ts';
import { participantsIn, type Roster } from '../domain/group.ts';
import { isGroupId, type ConversationId, type EventId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import { nextIdAfter } from './next-id-after.ts';
import type { Capacity } from './ports/capacity.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

export interface ChangeGroupDeps {
  readonly messages: MessageRepository;
  readonly conversations: ConversationRepository;
  readonly groups: GroupRepository;
  readonly messageIds: MessageIds;
  readonly capacity: Capacity;
}

/**
 * Changes a group as `caller`. `change` gets the event of the change and the group as it is now. The event is after every
 * message and every change that was acknowledged before. It counts by the size of the group in the concurrency limit.
 * Resolves with the members before the change.
 *
 * Refuses with `conversation_not_found` (to users who have never been members, too) or with `not_a_group`.
 */
export async function changeGroup(
  deps: ChangeGroupDeps,
  { caller, conversationId }: { readonly caller: Caller; readonly conversationId: ConversationId },
  change: (event: EventId, roster: Roster) => Promise<void>,
): Promise<Participants> {
  if (caller.kind === 'user') await requireParticipant(deps, caller.userId, conversationId);
  if (!isGroupId(conversationId)) {
    if ((await deps.conversations.find(conversationId)) === null) throw conversationNotFound();
    throw new Refusal(
      'not_a_group',
      'This is a conversation of two users, which has no name and no other members.',
    );
  }
  const [roster, newest] = await Promise.all([
    deps.groups.find(conversationId),
    deps.messages.listBefore(conversationId, { before: null, offset: 0, limit: 1 }),
  ]);
  if (roster === null) throw conversationNotFound();
  if (newest[0] !== undefined) deps.messageIds.observe(newest[0].id);
  const event = nextIdAfter(deps.messageIds, roster.changed);
  const participants = participantsIn(roster);
  const release = deps.capacity.reserve(participants.length);
  try {
    await change(event, roster);
  } finally {
    release();
  }
  return participants;
}
