import { canActAs, type Caller } from '../domain/caller.ts';
import type { InboxEntry } from '../domain/conversation.ts';
import type { UserId } from '../domain/ids.ts';
import { pageOf, sliceOf, type Page, type PageRequest } from '../domain/page.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';

export interface ListConversationsQuery extends PageRequest {
  readonly caller: Caller;
  readonly userId: UserId;
}

/**
 * A page of a user's inbox, newest activity first. Whoever was never written to has an empty one.
 *
 * Refuses with `inbox_of_another` or `page_too_deep`.
 */
export type ListConversations = (query: ListConversationsQuery) => Promise<Page<InboxEntry>>;

export function makeListConversations(deps: {
  conversations: ConversationRepository;
  messageIds: MessageIds;
}): ListConversations {
  return async ({ caller, userId, ...request }) => {
    if (!canActAs(caller, userId)) {
      throw new Refusal('inbox_of_another', 'An inbox is shown to its owner alone.');
    }
    const entries = await deps.conversations.listByUser(userId, sliceOf(request));
    if (entries[0] !== undefined) deps.messageIds.observe(entries[0].lastEventId);
    return pageOf(entries, request, { positionOf: ({ lastEventId }) => lastEventId });
  };
}
