import type { ConversationId, UserId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';

/** The refusal for a conversation that does not exist and for a conversation of other users: the same for both. */
export function conversationNotFound(): Refusal {
  return new Refusal('conversation_not_found', 'There is no such conversation.');
}

/**
 * Refuses with `conversation_not_found` if the user is not a participant. It reads the user's own inbox, where a
 * conversation of other users and one that does not exist are equally absent. It must run before anything of the
 * conversation is read, not in parallel, so that neither the response nor its latency reveals which it is.
 */
export async function requireParticipant(
  { conversations }: { conversations: ConversationRepository },
  userId: UserId,
  conversationId: ConversationId,
): Promise<void> {
  if (!(await conversations.isInInbox(userId, conversationId))) throw conversationNotFound();
}
