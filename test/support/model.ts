import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { ConversationSummary } from '../../src/application/get-conversation.ts';
import { ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { MessageIds } from '../../src/application/ports/message-ids.ts';
import type { InboxItem } from '../../src/application/list-conversations.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { canActAs, type Caller } from '../../src/domain/caller.ts';
import {
  lastMessageOf,
  otherParticipant,
  participantsOf,
  type Conversation,
} from '../../src/domain/conversation.ts';
import { composeGroupName, type OwnMembership } from '../../src/domain/group.ts';
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
  const sends: { readonly message: Message }[] = [];
  const begins: Conversation[] = [];
  const saves: User[] = [];
  const marks: { readonly userId: UserId; readonly id: ConversationId; readonly upTo: EventId }[] = [];

  /** The requests that the keys of users identify. */
  const claims: {
    readonly userId: UserId;
    readonly key: IdempotencyKey;
    readonly body: string;
    readonly message?: Message;
    readonly group?: ModelGroup;
  }[] = [];
  const groups: ModelGroup[] = [];

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

  const claimOf = (userId: UserId, key: IdempotencyKey | null, body: string) => {
    const claim = claims.find((one) => one.key === key && one.userId === userId);
    if (claim !== undefined && claim.body !== body) {
      throw new Refusal('idempotency_key_reused', 'The key was used with another body.');
    }
    return claim;
  };

  const groupOf = (id: ConversationId): ModelGroup | null => groups.find((group) => group.id === id) ?? null;

  const membersOf = ({ members }: ModelGroup): UserId[] =>
    [...members].flatMap(([userId, { left }]) => (left === null ? [userId] : [])).sort();

  /** The messages of a group for one of its members or former members. */
  const historyFor = (group: ModelGroup, userId: UserId): Message[] => {
    const member = group.members.get(userId);
    if (member === undefined) return [];
    const { joined, left } = member;
    return historyOf(group.id)
      .filter(({ id }) => id > joined && (left === null || id < left))
      .map((message) => {
        const isLater = left !== null && message.editId !== null && message.editId > left;
        return isLater ? { ...message, content: null, editId: null } : message;
      });
  };

  /** The group for `caller`, who may have left it; others get a refusal. */
  const groupFor = (caller: Caller, id: ConversationId): ModelGroup => {
    const group = groupOf(id);
    if (group === null || (caller.kind === 'user' && !group.members.has(caller.userId))) {
      throw new Refusal('conversation_not_found', 'The caller is not a member.');
    }
    return group;
  };

  /** The group that `caller` changes. */
  const changedGroup = (caller: Caller, id: ConversationId): ModelGroup => {
    if (conversationOf(id) !== null && groupOf(id) === null) {
      conversationFor(caller, id);
      throw new Refusal('not_a_group', 'The conversation is not a group.');
    }
    return groupFor(caller, id);
  };

  const requireMember = (caller: Caller, { members }: ModelGroup): void => {
    if (caller.kind === 'user' && members.get(caller.userId)?.left !== null) {
      throw new Refusal('member_left', 'The caller has left.');
    }
  };

  const groupSummaryFor = (caller: Caller, group: ModelGroup): ConversationSummary => {
    const { id, created, creatorId, members } = group;
    const own = caller.kind === 'user' ? members.get(caller.userId) : undefined;
    const left = own?.left ?? null;
    const participants = [...members]
      .filter(
        ([, member]) => left !== null && member.joined < left && (member.left === null || member.left > left),
      )
      .map(([userId]) => userId)
      .sort();
    const name = left === null ? group.name : (own?.nameAtLeaving ?? null);
    const history = caller.kind === 'user' ? historyFor(group, caller.userId) : historyOf(id);
    return {
      conversation: {
        id,
        created,
        participants: left === null ? membersOf(group) : participants,
        group: { name, creatorId },
      },
      lastMessage: history[0] ?? null,
      readPositions: null,
    };
  };

  const conversationOf = (id: ConversationId): Conversation | null =>
    newestFirst(
      begins.filter((begin) => begin.id === id),
      ({ created }) => created,
    ).at(-1) ?? null;

  /** The conversation for `caller`; non-participants get a refusal. */
  const conversationFor = (caller: Caller, id: ConversationId): Conversation => {
    const found = conversationOf(id);
    if (found?.participants.some((participant) => canActAs(caller, participant))) return found;
    throw new Refusal('conversation_not_found', 'There is no such conversation.');
  };

  /** The furthest position of a user's marks and own messages. */
  const readUpToOf = (userId: UserId, conversationId: ConversationId): EventId | null => {
    const marked = marks.filter((mark) => mark.userId === userId && mark.id === conversationId);
    const sent = historyOf(conversationId).filter(({ senderId }) => senderId === userId);
    return [...marked.map(({ upTo }) => upTo), ...sent.map(({ id }) => id)].sort().at(-1) ?? null;
  };

  const unreadOf = (userId: UserId, id: ConversationId, history = historyOf(id)): number => {
    const readUpTo = readUpToOf(userId, id);
    return history.filter(
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

  const groupsOf = (userId: UserId, unreadCounts: boolean): InboxItem[] =>
    groups.flatMap((group): InboxItem[] => {
      const membership = group.members.get(userId);
      if (membership === undefined) return [];
      const history = historyFor(group, userId);
      const [last] = history;
      const count = unreadOf(userId, group.id, history);
      return [
        {
          conversationId: group.id,
          participants: [],
          membership,
          lastEventId: last?.id ?? membership.joined,
          lastMessage: last ? lastMessageOf(last) : null,
          readUpTo: readUpToOf(userId, group.id),
          unread: count > 0,
          unreadCount: unreadCounts ? Math.min(count, 100) : null,
          name: membership.left === null ? group.name : membership.nameAtLeaving,
        },
      ];
    });

  const inboxOf = (userId: UserId, unreadCounts = false): InboxItem[] => [
    ...groupsOf(userId, unreadCounts),
    ...pairsOf(userId, unreadCounts),
  ];

  const pairsOf = (userId: UserId, unreadCounts: boolean): InboxItem[] => {
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
    const group = groupOf(conversationId);
    if (group === null) conversationFor(caller, conversationId);
    else groupFor(caller, conversationId);
    const history =
      group !== null && caller.kind === 'user' ? historyFor(group, caller.userId) : historyOf(conversationId);
    const found = history.find(({ id }) => id === messageId);
    if (found === undefined) throw new Refusal('message_not_found', 'There is no such message.');
    return found;
  };

  const ownMessageIn = (caller: Caller, conversationId: ConversationId, messageId: MessageId): Message => {
    const found = messageIn(caller, conversationId, messageId);
    if (!canActAs(caller, found.senderId))
      throw new Refusal('message_of_another', 'The message belongs to another user.');
    return found;
  };

  const userOf = (userId: UserId): User | null => {
    const own = saves.filter(({ id }) => id === userId);
    const [first, last] = [own[0], own.at(-1)];
    return first && last ? { ...last, createdAt: first.createdAt } : null;
  };

  const model: Omit<UseCases, 'listEvents'> = {
    async sendMessage({ caller, senderId, receiverId, content, idempotencyKey }) {
      if (!canActAs(caller, senderId)) throw new Refusal('sender_is_another', 'The caller is another user.');
      const participants = participantsOf(senderId, receiverId);
      const conversationId = conversationIdOf(participants);
      const id = messageIds.next();
      const message = composeMessage({ id, conversationId, senderId, receiverId, content });
      const body = `to ${receiverId}: ${content}`;
      const first = claimOf(senderId, idempotencyKey, body);
      if (first?.message !== undefined) return { message: current(first.message), replayed: true };
      if (idempotencyKey !== null) claims.push({ userId: senderId, key: idempotencyKey, body, message });
      sends.push({ message });
      begins.push({ id: conversationId, participants, created: id });
      return { message, replayed: false };
    },

    async sendToConversation({ caller, senderId, conversationId, content, idempotencyKey }) {
      if (!canActAs(caller, senderId)) throw new Refusal('sender_is_another', 'The caller is another user.');
      requireContent(content);
      const sender: Caller = { kind: 'user', userId: senderId };
      const group = groupOf(conversationId);
      if (group === null) {
        const { participants } = conversationFor(sender, conversationId);
        const receiverId = otherParticipant(senderId, participants);
        const sent = await model.sendMessage({ caller, senderId, receiverId, content, idempotencyKey });
        return { ...sent, recipients: participants };
      }
      groupFor(sender, conversationId);
      const isRepeat = claims.some(
        ({ userId, key, message }) =>
          userId === senderId && key === idempotencyKey && message?.conversationId === conversationId,
      );
      if (!isRepeat) requireMember(sender, group);
      const message = composeMessage({
        id: messageIds.next(),
        conversationId,
        senderId,
        receiverId: null,
        content,
      });
      const body = `in ${conversationId}: ${content}`;
      const first = claimOf(senderId, idempotencyKey, body);
      if (first?.message !== undefined) {
        const { id } = first.message;
        const recipients = [...group.members].flatMap(([userId, { joined, left }]) =>
          joined < id && (left === null || id < left) ? [userId] : [],
        );
        return { message: current(first.message), replayed: true, recipients: recipients.sort() };
      }
      if (idempotencyKey !== null) claims.push({ userId: senderId, key: idempotencyKey, body, message });
      sends.push({ message });
      return { message, replayed: false, recipients: membersOf(group) };
    },

    async createGroup({ caller, creatorId, participantIds, name, idempotencyKey }) {
      if (!canActAs(caller, creatorId))
        throw new Refusal('creator_is_another', 'The caller is another user.');
      const participants = participantsOf(...participantIds);
      if (!participants.includes(creatorId)) {
        throw new Refusal('participants_are_others', 'The caller is not a participant.');
      }
      const composed = name === null ? null : composeGroupName(name);
      const created = messageIds.next();
      const body = `group ${participants.join()} ${String(composed)}`;
      const first = claimOf(creatorId, idempotencyKey, body);
      if (first?.group !== undefined) return { ...groupSummaryFor(caller, first.group), replayed: true };
      const membership = { joined: created, left: null, nameAtLeaving: null };
      const group: ModelGroup = {
        id: created as string as ConversationId,
        created,
        creatorId,
        name: composed,
        members: new Map(participants.map((userId) => [userId, membership])),
      };
      groups.push(group);
      if (idempotencyKey !== null) claims.push({ userId: creatorId, key: idempotencyKey, body, group });
      return { ...groupSummaryFor(caller, group), replayed: false };
    },

    async addMember({ caller, conversationId, userId }) {
      const group = changedGroup(caller, conversationId);
      const joined = messageIds.next();
      requireMember(caller, group);
      const before = membersOf(group);
      if (!before.includes(userId)) group.members.set(userId, { joined, left: null, nameAtLeaving: null });
      return { ...groupSummaryFor(caller, group), notified: participantsOf(...before, userId) };
    },

    async removeMember({ caller, conversationId, userId }) {
      const group = changedGroup(caller, conversationId);
      const left = messageIds.next();
      if (caller.kind === 'user' && caller.userId !== userId) {
        requireMember(caller, group);
        if (group.creatorId !== caller.userId)
          throw new Refusal('not_the_creator', 'The caller is not the creator.');
      }
      const member = group.members.get(userId);
      if (member === undefined) throw new Refusal('member_not_found', 'The user was never a member.');
      const notified = membersOf(group);
      if (member.left === null) group.members.set(userId, { ...member, left, nameAtLeaving: group.name });
      return { notified };
    },

    async renameGroup({ caller, conversationId, name }) {
      const composed = composeGroupName(name);
      const group = changedGroup(caller, conversationId);
      messageIds.next();
      requireMember(caller, group);
      group.name = composed;
      return { ...groupSummaryFor(caller, group), notified: membersOf(group) };
    },

    async getMessage({ caller, conversationId, messageId }) {
      return messageIn(caller, conversationId, messageId);
    },

    async editMessage({ caller, conversationId, messageId, content }) {
      requireContent(content);
      const { deletionId, editId } = ownMessageIn(caller, conversationId, messageId);
      const group = groupOf(conversationId);
      if (group !== null) requireMember(caller, group);
      if (deletionId !== null) throw new Refusal('message_deleted', 'The message is deleted.');
      const id = messageIds.next();
      if (editId !== null && id < editId) throw new ClockNotVerified();
      edits.push({ id, messageId, content });
      const participants =
        group === null ? conversationFor(caller, conversationId).participants : membersOf(group);
      return { message: messageIn(caller, conversationId, messageId), participants };
    },

    async deleteMessage({ caller, conversationId, messageId }) {
      ownMessageIn(caller, conversationId, messageId);
      deletions.push({ id: messageIds.next(), messageId });
      const group = groupOf(conversationId);
      const { participants } =
        group === null ? conversationFor(caller, conversationId) : { participants: membersOf(group) };
      return { participants };
    },

    async listMessagesBefore({ caller, conversationId, ...request }) {
      const group = groupOf(conversationId);
      const history =
        group !== null && caller.kind === 'user'
          ? historyFor(group, caller.userId)
          : historyOf(conversationId);
      const page = pageOf(history, request, ({ id }) => id);
      if (group === null) conversationFor(caller, conversationId);
      else groupFor(caller, conversationId);
      return page;
    },

    async listConversations({ caller, userId, unreadCounts, ...request }) {
      if (!canActAs(caller, userId))
        throw new Refusal('inbox_of_another', 'The inbox belongs to another user.');
      return pageOf(inboxOf(userId, unreadCounts), request, ({ lastEventId }) => lastEventId);
    },

    async getConversation({ caller, conversationId }) {
      const group = groupOf(conversationId);
      if (group === null) return summaryOf(conversationFor(caller, conversationId));
      return groupSummaryFor(caller, groupFor(caller, conversationId));
    },

    async startConversation({ caller, participantIds }) {
      const participants = participantsOf(...participantIds);
      if (!participants.some((participant) => canActAs(caller, participant))) {
        throw new Refusal('participants_are_others', 'The caller is not a participant.');
      }
      const id = conversationIdOf(participants);
      const found = conversationOf(id);
      if (found !== null) return { ...summaryOf(found), started: false };
      const conversation = { id, participants, created: messageIds.next() };
      begins.push(conversation);
      return { ...summaryOf(conversation), started: true };
    },

    async markRead({ caller, userId, conversationId, upTo }) {
      if (!canActAs(caller, userId)) throw new Refusal('reader_is_another', 'The reader is another user.');
      const entry = inboxOf(userId).find((one) => one.conversationId === conversationId);
      if (entry === undefined)
        throw new Refusal('conversation_not_found', 'The conversation is not in the inbox.');
      marks.push({ userId, id: conversationId, upTo: upTo < entry.lastEventId ? upTo : entry.lastEventId });
      const readUpTo = readUpToOf(userId, conversationId) ?? upTo;
      return { readUpTo, participants: entry.membership === undefined ? entry.participants : [userId] };
    },

    async saveUser({ caller, userId, username }) {
      if (!canActAs(caller, userId))
        throw new Refusal('name_of_another', 'The username belongs to another user.');
      const user = composeUser({ id: userId, username, createdAt: clock.now() });
      const known = userOf(userId);
      saves.push(user);
      return { user: { ...user, createdAt: known?.createdAt ?? user.createdAt }, created: known === null };
    },

    async getUser({ userId }) {
      const user = userOf(userId);
      if (user === null) throw new Refusal('user_not_found', 'There is no such user.');
      return user;
    },
  };
  return model;
}

interface ModelGroup {
  readonly id: ConversationId;
  readonly created: EventId;
  readonly creatorId: UserId;
  name: string | null;
  /** The latest membership of each user who has ever joined. */
  readonly members: Map<UserId, OwnMembership>;
}

function pageOf<Item>(
  all: readonly Item[],
  { before, limit, page }: PageRequest,
  placeOf: (item: Item) => Position,
): Page<Item> {
  if (page !== null && page * limit > NUMBERED_ROWS)
    throw new Refusal('page_too_deep', 'The page number is too high.');
  const rest = plainSlice(all, { before, offset: ((page ?? 1) - 1) * limit, limit: Infinity }, placeOf);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last !== undefined && rest.length > limit ? placeOf(last) : null };
}
