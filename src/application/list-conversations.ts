import { positionOf, type InboxEntry } from '../domain/conversation.ts';
import type { UserId } from '../domain/ids.ts';
import { pageOf, stretchOf, type Page, type PageRequest } from '../domain/page.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';

export interface ListConversationsQuery extends PageRequest {
  readonly userId: UserId;
}

/**
 * A page of a user's inbox, newest activity first. Whoever was never written to has an empty one.
 *
 * Refuses with `page_too_deep`.
 */
export type ListConversations = (query: ListConversationsQuery) => Promise<Page<InboxEntry>>;

export function makeListConversations(needs: { conversations: ConversationRepository }): ListConversations {
  return async ({ userId, ...request }) => {
    const entries = await needs.conversations.listByUser(userId, stretchOf(request));
    return pageOf(entries, request, positionOf);
  };
}
