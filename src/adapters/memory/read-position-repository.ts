import type { MessageIds } from '../../application/ports/message-ids.ts';
import type { ReadPositionRepository } from '../../application/ports/read-position-repository.ts';
import type { Conversation, InboxEntry } from '../../domain/conversation.ts';
import { coversPosition, type Membership } from '../../domain/group.ts';
import { isGroupId, type EventId, type MessageId, type Position, type UserId } from '../../domain/ids.ts';
import {
  earlierPosition,
  laterPosition,
  MAX_UNCOUNTED_ROWS,
  MAX_UNREAD_COUNT,
  positionAfterMark,
  unreadCountOf,
  type ReadMark,
  type ReadPosition,
} from '../../domain/read-position.ts';
import { positionAbove } from '../../domain/time.ts';
import type { MemoryConversationRepository } from './conversation-repository.ts';
import type { MemoryEventRepository } from './event-repository.ts';
import type { MemoryMessageRepository } from './message-repository.ts';

/** Below every id. */
const BOTTOM = '00000000-0000-7000-8000-000000000000' as Position;

/** The read positions, in this process's memory; they are kept in the entries of the inboxes. */
export class MemoryReadPositionRepository implements ReadPositionRepository {
  readonly #messageIds: MessageIds;
  readonly #conversations: MemoryConversationRepository;
  readonly #messages: MemoryMessageRepository;
  readonly #events: MemoryEventRepository;

  constructor(deps: {
    messageIds: MessageIds;
    conversations: MemoryConversationRepository;
    messages: MemoryMessageRepository;
    events: MemoryEventRepository;
  }) {
    this.#messageIds = deps.messageIds;
    this.#conversations = deps.conversations;
    this.#messages = deps.messages;
    this.#events = deps.events;
  }

  mark({ userId, conversationId, upTo }: ReadMark): Promise<EventId | null> {
    const entry = this.#conversations.findEntry(userId, conversationId);
    if (entry === null) return Promise.resolve(null);
    const readUpTo = positionAfterMark(entry, upTo);
    if (readUpTo !== entry.readUpTo) {
      this.#conversations.moveReadPosition(userId, conversationId, readUpTo);
      this.#events.add(
        {
          id: this.#messageIds.next(),
          type: 'conversation.read',
          conversationId,
          readerId: userId,
          readUpTo,
        },
        isGroupId(conversationId) ? [userId] : entry.participants,
      );
    }
    return Promise.resolve(readUpTo);
  }

  listByConversation({
    id,
    participants,
  }: Pick<Conversation, 'id' | 'participants'>): Promise<readonly ReadPosition[]> {
    const positions = participants.map((userId) => ({
      userId,
      readUpTo: this.#conversations.findEntry(userId, id)?.readUpTo ?? null,
    }));
    return Promise.resolve(positions);
  }

  countUnread(
    userId: UserId,
    {
      conversationId,
      lastEventId,
      readUpTo,
    }: Pick<InboxEntry, 'conversationId' | 'lastEventId' | 'readUpTo'>,
    membership?: Membership,
  ): Promise<number> {
    const after = laterPosition(readUpTo, membership?.joined ?? null) ?? BOTTOM;
    const before = earlierPosition(membership?.left ?? null, positionAbove(lastEventId));
    const isFor = (id: MessageId): boolean => membership === undefined || coversPosition(membership, id);
    const unread = new Set<MessageId>();
    let uncounted = 0;
    const maxRows = MAX_UNREAD_COUNT + MAX_UNCOUNTED_ROWS;
    for (const { id, senderId, deletionId } of this.#messages.listAbove(
      conversationId,
      after,
      before,
      maxRows,
    )) {
      if (senderId !== userId && deletionId === null) unread.add(id);
      else uncounted += 1;
      if (uncounted > MAX_UNCOUNTED_ROWS) break;
    }
    for (const { eventId, messageId, senderId } of this.#conversations.listLateAfter(conversationId, after)) {
      if (eventId > lastEventId) continue;
      const isDeleted = this.#messages.isDeleted(conversationId, messageId);
      if (senderId !== userId && !isDeleted && isFor(messageId)) unread.add(messageId);
    }
    return Promise.resolve(unreadCountOf(unread.size, uncounted <= MAX_UNCOUNTED_ROWS));
  }
}
