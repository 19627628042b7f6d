import { canActAs, type Caller } from '../domain/caller.ts';
import { lastMessageOf, type InboxEntry } from '../domain/conversation.ts';
import { coversPosition, messageForMember, type OwnMembership } from '../domain/group.ts';
import type { UserId } from '../domain/ids.ts';
import { pageOf, sliceOf, type Page, type PageRequest } from '../domain/page.ts';
import { isUnread } from '../domain/read-position.ts';
import { Refusal } from '../domain/refusal.ts';
import { makeBudget } from './budget.ts';
import { mapLimited } from './map-limited.ts';
import { Overload } from './overload.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';
import { makeWorkQueue } from './work-queue.ts';

export interface ListConversationsQuery extends PageRequest {
  readonly caller: Caller;
  readonly userId: UserId;
  /**
   * Whether the unread messages of each conversation are counted, which reads about a hundred rows per
   * conversation, and more if many messages are deleted. Default: false.
   */
  readonly unreadCounts?: boolean;
}

/** One conversation of an inbox, with its unread state. */
export interface InboxItem extends InboxEntry {
  /** The name of a group, null if it has none; absent in a conversation of two. */
  readonly name?: string | null;
  /** Whether a message of another user lies above the owner's read position. */
  readonly unread: boolean;
  /** The number of such messages, at most `MAX_UNREAD_COUNT`, which means that many or more; null if they are not counted. */
  readonly unreadCount: number | null;
}

/**
 * A page of a user's inbox, newest activity first. A user without conversations has an empty inbox.
 *
 * Refuses with `inbox_of_another` or `page_too_deep`. Rejects with an `Overload` if the page needs many counts and too many
 * others do.
 */
export type ListConversations = (query: ListConversationsQuery) => Promise<Page<InboxItem>>;

/** The maximum number of conversations whose unread messages are counted at the same time, in all pages: usually 32 statements. */
const MAX_COUNTS = 16;

/**
 * The maximum number of pages with more counts than `FEW_COUNTS` at the same time, half of them for one user: half of the
 * lowest concurrency limit, so that other requests are not rejected while these pages wait for each other.
 */
const MAX_PAGES_WITH_MANY_COUNTS = 16;
const FEW_COUNTS = 8;

export function makeListConversations(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  readPositions: ReadPositionRepository;
  messageIds: MessageIds;
}): ListConversations {
  const inCountQueue = makeWorkQueue({ maxRunning: MAX_COUNTS });
  const pagesWithManyCounts = makeBudget({
    total: MAX_PAGES_WITH_MANY_COUNTS,
    share: MAX_PAGES_WITH_MANY_COUNTS / 2,
  });

  /** The number of unread messages in each of `entries`. */
  const countsOf = async (userId: UserId, entries: readonly InboxEntry[]) => {
    const hasMany = entries.length > FEW_COUNTS;
    if (hasMany && !pagesWithManyCounts.reserve(userId, 1)) throw new Overload();
    try {
      const counts = await mapLimited(entries, (entry) =>
        inCountQueue(() => deps.readPositions.countUnread(userId, entry, entry.membership)),
      );
      return new Map(entries.map((entry, index) => [entry, counts[index] ?? 0]));
    } finally {
      if (hasMany) pagesWithManyCounts.release(userId, 1);
    }
  };

  return async ({ caller, userId, unreadCounts = false, ...request }) => {
    if (!canActAs(caller, userId)) {
      throw new Refusal('inbox_of_another', 'Only its owner may read an inbox.');
    }
    const entries = await deps.conversations.listByUser(userId, sliceOf(request));
    if (entries[0] !== undefined) deps.messageIds.observe(entries[0].lastEventId);
    const page = pageOf(entries, request, { positionOf: ({ lastEventId }) => lastEventId });
    const ofGroups = page.items.flatMap((stored) => {
      const own = stored.membership;
      return own === undefined ? [] : [{ stored, own }];
    });
    const groups = new Map(
      await mapLimited(ofGroups, async ({ stored, own }) => [stored, await groupEntryOf(deps, stored, own)]),
    );
    const shown = page.items.map((stored) => {
      const entry = groups.get(stored) ?? stored;
      // Whether the entry is unread can be derived only for the message that is stored in it.
      const isStored = entry.lastMessage?.messageId === stored.lastMessage?.messageId;
      const unread = entry.lastMessage === null || isStored ? isUnread(userId, entry) : null;
      return { entry, unread };
    });
    const toCount = shown.filter(({ unread }) => unread === null || (unread && unreadCounts));
    const counts = await countsOf(
      userId,
      toCount.map(({ entry }) => entry),
    );
    const items = shown.map(({ entry, unread }): InboxItem => {
      const count = counts.get(entry) ?? 0;
      return { ...entry, unread: unread ?? count > 0, unreadCount: unreadCounts ? count : null };
    });
    return { ...page, items };
  };
}

/** The entry of a group as its member sees it, with the name of the group. */
async function groupEntryOf(
  deps: { readonly messages: MessageRepository; readonly groups: GroupRepository },
  stored: InboxEntry,
  own: OwnMembership,
): Promise<InboxEntry & Pick<InboxItem, 'name'>> {
  const [entry, profile] = await Promise.all([
    asMember(deps.messages, stored, own),
    deps.groups.findProfile(stored.conversationId),
  ]);
  return { ...entry, name: own.left === null ? (profile?.name ?? null) : own.nameAtLeaving };
}

/**
 * What a member of a group may see of `entry`. A send or an edit that reads the members just before a user leaves still
 * reaches the inbox of that user. So for one who has left, the message itself is read; and if the membership does not
 * cover the message of the entry, the newest one that it covers is shown.
 */
async function asMember(
  messages: MessageRepository,
  entry: InboxEntry,
  own: OwnMembership,
): Promise<InboxEntry> {
  const { conversationId, lastMessage } = entry;
  if (lastMessage === null) return entry;
  const isCovered = coversPosition(own, lastMessage.messageId);
  if (isCovered && own.left === null) return entry;
  const [message] = isCovered
    ? await messages.find(conversationId, [lastMessage.messageId])
    : await messages.listBefore(conversationId, { before: own.left, offset: 0, limit: 1 });
  const shown = message === undefined ? null : messageForMember(message, own);
  return { ...entry, lastMessage: shown === null ? null : lastMessageOf(shown) };
}
