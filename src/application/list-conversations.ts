import { canActAs, type Caller } from '../domain/caller.ts';
import type { GroupProfile, InboxEntry, LastMessage } from '../domain/conversation.ts';
import { coversPosition, type OwnMembership } from '../domain/group.ts';
import { isGroupId, type UserId } from '../domain/ids.ts';
import { previewOf } from '../domain/message.ts';
import { pageOf, sliceOf, type Page, type PageRequest } from '../domain/page.ts';
import { isUnread } from '../domain/read-position.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
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
  /** Absent in a conversation of two. */
  readonly group?: GroupProfile;
  /** Whether a message of another user lies above the owner's read position. */
  readonly unread: boolean;
  /** The number of such messages, at most `MAX_UNREAD_COUNT`, which means that many or more; null if they are not counted. */
  readonly unreadCount: number | null;
}

/**
 * A page of a user's inbox, newest activity first. A user without conversations has an empty inbox. The page may have
 * fewer entries than it could while a user is being added to a group.
 *
 * Refuses with `inbox_of_another` or `page_too_deep`.
 */
export type ListConversations = (query: ListConversationsQuery) => Promise<Page<InboxItem>>;

export function makeListConversations(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
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
    const items = page.items.map(async (stored): Promise<InboxItem | null> => {
      const own = isGroupId(stored.conversationId)
        ? await deps.groups.findMembership(stored.conversationId, userId)
        : undefined;
      if (own === null) return null;
      const entry = own === undefined ? stored : await asMember(deps.messages, stored, own);
      const unread = isUnread(userId, entry);
      const isCounted = unread === null || (unread && unreadCounts);
      const count = isCounted ? await deps.readPositions.countUnread(userId, entry, own) : 0;
      return {
        ...entry,
        unread: unread ?? count > 0,
        unreadCount: unreadCounts ? count : null,
        ...(own !== undefined && { group: { name: own.name, creatorId: own.creatorId } }),
      };
    });
    return { ...page, items: (await Promise.all(items)).filter((item) => item !== null) };
  };
}

/**
 * What a member of a group may see of `entry`. A send that reads the members just before a user leaves still reaches the
 * inbox of that user; then the newest message of the membership is shown instead.
 */
async function asMember(
  messages: MessageRepository,
  entry: InboxEntry,
  own: OwnMembership,
): Promise<InboxEntry> {
  const { conversationId, lastMessage } = entry;
  const lastEventId = own.left !== null && own.left < entry.lastEventId ? own.left : entry.lastEventId;
  if (lastMessage === null || coversPosition(own, lastMessage.messageId)) return { ...entry, lastEventId };
  const [newest] = await messages.listBefore(conversationId, { before: own.left, offset: 0, limit: 1 });
  const shown: LastMessage | null =
    newest !== undefined && coversPosition(own, newest.id)
      ? { messageId: newest.id, senderId: newest.senderId, preview: previewOf(newest.content) }
      : null;
  return { ...entry, lastEventId, lastMessage: shown };
}
