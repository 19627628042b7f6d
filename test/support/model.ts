import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { ConversationSummary } from '../../src/application/get-conversation.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { MessageIds } from '../../src/application/ports/message-ids.ts';
import type { InboxItem } from '../../src/application/list-conversations.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { canActAs, type Caller } from '../../src/domain/caller.ts';
import { lastMessageOf, participantsOf, type Conversation } from '../../src/domain/conversation.ts';
import type {
  ConversationId,
  EventId,
  IdempotencyKey,
  MessageId,
  Position,
  UserId,
} from '../../src/domain/ids.ts';
import { composeMessage, requireContent, type Message } from '../../src/domain/message.ts';
import { NUMBERED_ROWS, type Page, type PageRequest } from '../../src/domain/page.ts';
import { Refusal } from '../../src/domain/refusal.ts';
import { composeUser, type User } from '../../src/domain/user.ts';
import { newestFirst, plainSlice } from './plain-list.ts';

/**
 * The simplest implementation of the messenger: it searches all past events for each response. It is slow, and so
 * obviously correct that a storage with another response is wrong.
 */
export function makeModel({
  clock,
  messageIds,
}: {
  clock: Clock;
  messageIds: MessageIds;
}): Omit<UseCases, 'listEvents'> {
  const sends: { readonly message: Message; readonly key: IdempotencyKey | null }[] = [];
  const begins: Conversation[] = [];
  const saves: User[] = [];
  const marks: { readonly userId: UserId; readonly id: ConversationId; readonly upTo: EventId }[] = [];

  const edits: { readonly id: EventId; readonly messageId: MessageId; readonly content: string }[] = [];
  const deletions: { readonly id: EventId; readonly messageId: MessageId }[] = [];

  /** A message after its edits and its deletion. */
  const current = (message: Message): Message => {
    const [deletion] = deletions
      .filter(({ messageId }) => messageId === message.id)
      .map(({ id }) => id)
      .sort();
    if (deletion !== undefined) return { ...message, content: null, deletionId: deletion };
    const [edit] = newestFirst(
      edits.filter(({ messageId }) => messageId === message.id),
      ({ id }) => id,
    );
    return edit === undefined ? message : { ...message, content: edit.content, editId: edit.id };
  };

  const historyOf = (id: ConversationId): Message[] =>
    newestFirst(
      sends.map(({ message }) => current(message)).filter(({ conversationId }) => conversationId === id),
      (message) => message.id,
    );

  const conversationOf = (id: ConversationId): Conversation | null =>
    newestFirst(
      begins.filter((begin) => begin.id === id),
      ({ created }) => created,
    ).at(-1) ?? null;

  /** The conversation for `caller`; non-participants get a refusal. */
  const conversationFor = (caller: Caller, id: ConversationId): Conversation => {
    const found = conversationOf(id);
    if (found?.participants.some((participant) => canActAs(caller, participant))) return found;
    throw new Refusal('conversation_not_found', 'Nobody began it with them.');
  };

  /** The furthest position of a user's marks and own messages. */
  const readUpToOf = (userId: UserId, conversationId: ConversationId): EventId | null => {
    const marked = marks.filter((mark) => mark.userId === userId && mark.id === conversationId);
    const sent = historyOf(conversationId).filter(({ senderId }) => senderId === userId);
    return [...marked.map(({ upTo }) => upTo), ...sent.map(({ id }) => id)].sort().at(-1) ?? null;
  };

  const unreadOf = (userId: UserId, id: ConversationId): number => {
    const readUpTo = readUpToOf(userId, id);
    return historyOf(id).filter(
      (message) =>
        message.senderId !== userId &&
        message.deletionId === null &&
        (readUpTo === null || message.id > readUpTo),
    ).length;
  };

  const summaryOf = (conversation: Conversation): ConversationSummary => ({
    conversation,
    lastMessage: historyOf(conversation.id)[0] ?? null,
    readPositions: conversation.participants.map((userId) => ({
      userId,
      readUpTo: readUpToOf(userId, conversation.id),
    })),
  });

  const inboxOf = (userId: UserId, unreadCounts = false): InboxItem[] => {
    const own = begins.filter(({ participants }) => participants.includes(userId));
    return [...new Set(own.map(({ id }) => id))].flatMap((conversationId): InboxItem[] => {
      const conversation = conversationOf(conversationId);
      if (conversation === null) return [];
      const { participants, created } = conversation;
      const [last] = historyOf(conversationId);
      const count = unreadOf(userId, conversationId);
      return [
        {
          conversationId,
          participants,
          lastEventId: last?.id ?? created,
          lastMessage: last ? lastMessageOf(last) : null,
          readUpTo: readUpToOf(userId, conversationId),
          unread: count > 0,
          unreadCount: unreadCounts ? Math.min(count, 100) : null,
        },
      ];
    });
  };

  const messageIn = (caller: Caller, conversationId: ConversationId, messageId: MessageId): Message => {
    conversationFor(caller, conversationId);
    const found = historyOf(conversationId).find(({ id }) => id === messageId);
    if (found === undefined) throw new Refusal('message_not_found', 'Nobody sent it there.');
    return found;
  };

  const ownMessageIn = (caller: Caller, conversationId: ConversationId, messageId: MessageId): Message => {
    const found = messageIn(caller, conversationId, messageId);
    if (!canActAs(caller, found.senderId)) throw new Refusal('message_of_another', 'It is not theirs.');
    return found;
  };

  const userOf = (userId: UserId): User | null => {
    const own = saves.filter(({ id }) => id === userId);
    const [first, last] = [own[0], own.at(-1)];
    return first && last ? { ...last, createdAt: first.createdAt } : null;
  };

  return {
    async sendMessage({ caller, senderId, receiverId, content, idempotencyKey }) {
      if (!canActAs(caller, senderId)) throw new Refusal('sender_is_another', 'It is not their name.');
      const participants = participantsOf(senderId, receiverId);
      const conversationId = conversationIdOf(participants);
      const id = messageIds.next();
      const message = composeMessage({ id, conversationId, senderId, receiverId, content });
      const first = sends.find(
        ({ key, message: { senderId: sender } }) =>
          key !== null && key === idempotencyKey && sender === senderId,
      );
      if (first === undefined) {
        sends.push({ message, key: idempotencyKey });
        begins.push({ id: conversationId, participants, created: id });
        return { message, replayed: false };
      }
      if (first.message.receiverId !== receiverId || first.message.content !== content) {
        throw new Refusal('idempotency_key_reused', 'The key stands for another body.');
      }
      return { message: current(first.message), replayed: true };
    },

    async getMessage({ caller, conversationId, messageId }) {
      return messageIn(caller, conversationId, messageId);
    },

    async editMessage({ caller, conversationId, messageId, content }) {
      requireContent(content);
      const { deletionId } = ownMessageIn(caller, conversationId, messageId);
      if (deletionId !== null) throw new Refusal('message_deleted', 'Nobody edits what is gone.');
      edits.push({ id: messageIds.next(), messageId, content });
      const { participants } = conversationFor(caller, conversationId);
      return { message: messageIn(caller, conversationId, messageId), participants };
    },

    async deleteMessage({ caller, conversationId, messageId }) {
      ownMessageIn(caller, conversationId, messageId);
      deletions.push({ id: messageIds.next(), messageId });
      return { participants: conversationFor(caller, conversationId).participants };
    },

    async listMessagesBefore({ caller, conversationId, ...request }) {
      const page = pageOf(historyOf(conversationId), request, ({ id }) => id);
      conversationFor(caller, conversationId);
      return page;
    },

    async listConversations({ caller, userId, unreadCounts, ...request }) {
      if (!canActAs(caller, userId)) throw new Refusal('inbox_of_another', 'It is not their inbox.');
      return pageOf(inboxOf(userId, unreadCounts), request, ({ lastEventId }) => lastEventId);
    },

    async getConversation({ caller, conversationId }) {
      return summaryOf(conversationFor(caller, conversationId));
    },

    async startConversation({ caller, participantIds }) {
      const participants = participantsOf(...participantIds);
      if (!participants.some((participant) => canActAs(caller, participant))) {
        throw new Refusal('participants_are_others', 'They are not among them.');
      }
      const id = conversationIdOf(participants);
      const found = conversationOf(id);
      if (found !== null) return { ...summaryOf(found), started: false };
      const conversation = { id, participants, created: messageIds.next() };
      begins.push(conversation);
      return { ...summaryOf(conversation), started: true };
    },

    async markRead({ caller, userId, conversationId, upTo }) {
      if (!canActAs(caller, userId)) throw new Refusal('reader_is_another', 'It is not theirs to read.');
      const entry = inboxOf(userId).find((one) => one.conversationId === conversationId);
      if (entry === undefined) throw new Refusal('conversation_not_found', 'It is not in their inbox.');
      marks.push({ userId, id: conversationId, upTo: upTo < entry.lastEventId ? upTo : entry.lastEventId });
      const readUpTo = readUpToOf(userId, conversationId) ?? upTo;
      return { readUpTo, participants: entry.participants };
    },

    async saveUser({ caller, userId, username }) {
      if (!canActAs(caller, userId)) throw new Refusal('name_of_another', 'It is not theirs.');
      const user = composeUser({ id: userId, username, createdAt: clock.now() });
      const known = userOf(userId);
      saves.push(user);
      return { user: { ...user, createdAt: known?.createdAt ?? user.createdAt }, created: known === null };
    },

    async getUser({ userId }) {
      const user = userOf(userId);
      if (user === null) throw new Refusal('user_not_found', 'Nobody saved one.');
      return user;
    },
  };
}

function pageOf<Item>(
  all: readonly Item[],
  { before, limit, page }: PageRequest,
  placeOf: (item: Item) => Position,
): Page<Item> {
  if (page !== null && page * limit > NUMBERED_ROWS)
    throw new Refusal('page_too_deep', 'Pages are not counted so far.');
  const rest = plainSlice(all, { before, offset: ((page ?? 1) - 1) * limit, limit: Infinity }, placeOf);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last !== undefined && rest.length > limit ? placeOf(last) : null };
}
