import type { Caller } from '../domain/caller.ts';
import { coversPosition, messageForMember } from '../domain/group.ts';
import type { ConversationId } from '../domain/ids.ts';
import { contentBytesOf, MAX_CONTENT_BYTES, type Message } from '../domain/message.ts';
import { MAX_PAGE_BYTES, pageOf, sliceOf, type Page, type PageRequest } from '../domain/page.ts';
import { findConversation } from './find-conversation.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

export interface ListMessagesBeforeQuery extends PageRequest {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
}

/**
 * A page of a conversation's messages, newest first, strictly below `before`; without it, the newest page. It ends at
 * `limit` messages or at 1 MiB of content, whichever comes first; a numbered page ends only at `limit`. A member of a
 * group gets the messages from joining to leaving.
 *
 * Refuses with `conversation_not_found` (to non-participants, too) or `page_too_deep`.
 */
export type ListMessagesBefore = (query: ListMessagesBeforeQuery) => Promise<Page<Message>>;

export function makeListMessagesBefore(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  messageIds: MessageIds;
}): ListMessagesBefore {
  return async ({ caller, conversationId, ...request }) => {
    const slice = sliceOf(request);
    const own = caller.kind === 'user' ? await requireParticipant(deps, caller.userId, conversationId) : null;
    const left = own?.left ?? null;
    const before = left !== null && (slice.before === null || left < slice.before) ? left : slice.before;
    const found = await deps.messages.listBefore(conversationId, { ...slice, before });
    // If there is a message, there is a conversation: only an empty page needs this query.
    if (found.length === 0 && (await findConversation(deps, conversationId)) === null) {
      throw conversationNotFound();
    }
    const covered = found.filter(({ id }) => own === null || coversPosition(own, id));
    if (covered[0] !== undefined) deps.messageIds.observe(covered[0].id);
    // By the stored content, which decides where the slice ends: a member may see less of it.
    const page = pageOf(covered, request, { positionOf: ({ id }) => id, bytesOf: contentBytesOf });
    return { ...page, items: page.items.flatMap((message) => messageForMember(message, own) ?? []) };
  };
}

/** The maximum bytes of content in a page. */
export function maxPageBytes({ limit, page }: PageRequest): number {
  const bytes = limit * MAX_CONTENT_BYTES;
  return page === null ? Math.min(bytes, MAX_PAGE_BYTES) : bytes;
}
