import type { Caller } from '../domain/caller.ts';
import type { ConversationId } from '../domain/ids.ts';
import { contentBytesOf, MAX_CONTENT_BYTES, type Message } from '../domain/message.ts';
import { MAX_PAGE_BYTES, pageOf, sliceOf, type Page, type PageRequest } from '../domain/page.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { MessageRepository } from './ports/message-repository.ts';
import { conversationNotFound, requireParticipant } from './require-participant.ts';

export interface ListMessagesBeforeQuery extends PageRequest {
  readonly caller: Caller;
  readonly conversationId: ConversationId;
}

/**
 * A page of a conversation's messages, newest first, strictly below `before`; without it, the newest page. It ends at
 * `limit` messages or at 1 MiB of content, whichever comes first; a numbered page ends at `limit` alone.
 *
 * Refuses with `conversation_not_found` (to non-participants, too) or `page_too_deep`.
 */
export type ListMessagesBefore = (query: ListMessagesBeforeQuery) => Promise<Page<Message>>;

export function makeListMessagesBefore(deps: {
  messages: MessageRepository;
  conversations: ConversationRepository;
  messageIds: MessageIds;
}): ListMessagesBefore {
  return async ({ caller, conversationId, ...request }) => {
    const slice = sliceOf(request);
    if (caller.kind === 'user') await requireParticipant(deps, caller.userId, conversationId);
    const messages = await deps.messages.listBefore(conversationId, slice);
    // If there is a message, there is a conversation: only an empty page needs this query.
    if (messages.length === 0 && (await deps.conversations.find(conversationId)) === null) {
      throw conversationNotFound();
    }
    if (messages[0] !== undefined) deps.messageIds.observe(messages[0].id);
    return pageOf(messages, request, { positionOf: ({ id }) => id, bytesOf: contentBytesOf });
  };
}

/** The maximum bytes of content in a page. */
export function maxPageBytes({ limit, page }: PageRequest): number {
  const bytes = limit * MAX_CONTENT_BYTES;
  return page === null ? Math.min(bytes, MAX_PAGE_BYTES) : bytes;
}
