import type { ConversationId, UserId } from '../domain/ids.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';

/** The one no for a conversation that nobody began, and for one of others. */
export function conversationNotFound(): Refusal {
  return new Refusal('conversation_not_found', 'There is no such conversation.');
}

/**
 * Refuses with `conversation_not_found` where the conversation is none of the user's. It looks into their own inbox,
 * where a conversation of others and one that nobody began are missing in the same way; and it is to come before
 * anything of the conversation is read, not beside it, so that the time of the answer tells no more than its words.
 */
export async function requireParticipant(
  { conversations }: { conversations: ConversationRepository },
  userId: UserId,
  conversationId: ConversationId,
): Promise<void> {
  if (!(await conversations.isInInbox(userId, conversationId))) throw conversationNotFound();
}
