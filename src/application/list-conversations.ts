import { canActAs, type Caller } from '../domain/caller.ts';
import type { InboxEntry } from '../domain/conversation.ts';
import type { UserId } from '../domain/ids.ts';
import { pageOf, sliceOf, type Page, type PageRequest } from '../domain/page.ts';
import { isUnread } from '../domain/read-position.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';

export interface ListConversationsQuery extends PageRequest {
  readonly caller: Caller;
  readonly userId: UserId;
  /**
   * Whether the unread messages of each conversation are counted, which reads up to about a hundred rows per
   * conversation. Default: false.
   */
  readonly unreadCounts?: boolean;
}

/** One conversation of an inbox, with its unread state. */
export interface InboxItem extends InboxEntry {
  /** Whether a message of another user lies above the owner's read position. */
  readonly unread: boolean;
  /** The number of such messages, at most `MAX_UNREAD_COUNT`, which means that many or more; null if they are not counted. */
  readonly unreadCount: number | null;
}

/**
 * A page of a user's inbox, newest activity first. A user without conversations has an empty inbox.
 *
 * Refuses with `inbox_of_another` or `page_too_deep`.
 */
export type ListConversations = (query: ListConversationsQuery) => Promise<Page<InboxItem>>;

export function makeListConversations(deps: {
  conversations: ConversationRepository;
  readPositions: ReadPositionRepository;
  messageIds: MessageIds;
}): ListConversations {
  return async ({ caller, userId, unreadCounts = false, ...request }) => {
    if (!canActAs(caller, userId)) {
      throw new Refusal('inbox_of_another', 'Only its owner may read an inbox.');
    }
    const entries = await deps.conversations.listByUser(userId, sliceOf(request));
    if (entries[0] !== undefined) deps.messageIds.observe(entries[0].lastEventId);
    const page = pageOf(entries, request, { positionOf: ({ lastEventId }) => lastEventId });
    const items = page.items.map(async (entry): Promise<InboxItem> => {
      const unread = isUnread(userId, entry);
      const isCounted = unread === null || (unread && unreadCounts);
      const count = isCounted ? await deps.readPositions.countUnread(userId, entry) : 0;
      return { ...entry, unread: unread ?? count > 0, unreadCount: unreadCounts ? count : null };
    });
    return { ...page, items: await Promise.all(items) };
  };
}
