import type { Clock } from '../../application/ports/clock.ts';
import type { ConversationRepository } from '../../application/ports/conversation-repository.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import {
  lastMessageOf,
  type Conversation,
  type InboxEntry,
  type LastMessage,
  type Participants,
} from '../../domain/conversation.ts';
import { isLate, type Event, type LatenessLimits } from '../../domain/event.ts';
import { atMembership, type OwnMembership } from '../../domain/group.ts';
import {
  isGroupId,
  type ConversationId,
  type EventId,
  type MessageId,
  type Position,
  type UserId,
} from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import { laterPosition } from '../../domain/read-position.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { MemoryEventRepository } from './event-repository.ts';
import { SortedList } from './sorted-list.ts';

/** A message that became visible late, and its late event. */
export interface LateMessage {
  readonly eventId: EventId;
  readonly messageId: MessageId;
  readonly senderId: UserId;
}

/** The conversations and inboxes, in this process's memory. */
export class MemoryConversationRepository implements ConversationRepository {
  readonly #conversations = new Map<ConversationId, Conversation>();
  readonly #inboxes = new Map<UserId, Inbox>();
  readonly #clock: Pick<Clock, 'latest'>;
  readonly #messageIds: MessageIds;
  readonly #limits: LatenessLimits;
  readonly #events: MemoryEventRepository;
  /** The late event of each message that became visible late. */
  readonly #lateEvents = new Map<MessageId, EventId>();
  readonly #lateMessages = new Map<ConversationId, SortedList<LateMessage>>();

  constructor(deps: {
    clock: Pick<Clock, 'latest'>;
    messageIds: MessageIds;
    limits: LatenessLimits;
    events: MemoryEventRepository;
  }) {
    this.#clock = deps.clock;
    this.#messageIds = deps.messageIds;
    this.#limits = deps.limits;
    this.#events = deps.events;
  }

  find(id: ConversationId): Promise<Conversation | null> {
    return Promise.resolve(this.#conversations.get(id) ?? null);
  }

  start({ id, participants, created }: Conversation, { isLive } = { isLive: false }): Promise<void> {
    const isNew = !this.#conversations.has(id);
    const members = this.#create({ id, participants, created });
    const entry = { conversationId: id, participants: members, lastEventId: created, lastMessage: null };
    this.#show(entry, members);
    this.#events.add({ id: created, type: 'conversation.created', conversationId: id }, members);
    if (isLive && isNew && isLate(this.#clock.latest() - microsecondsOf(created), this.#limits)) {
      const eventId = this.#messageIds.next();
      this.#events.add({ id: eventId, type: 'conversation.created', conversationId: id }, members);
    }
    return Promise.resolve();
  }

  /** Puts a group into the inboxes of `users`, who join it. */
  showGroup(conversationId: ConversationId, users: readonly UserId[], membership: OwnMembership): void {
    for (const userId of users) this.#inboxOf(userId).setMembership(conversationId, membership);
    const lastEventId = membership.joined;
    this.#show({ conversationId, participants: [], lastEventId, lastMessage: null }, users);
  }

  /** Keeps a group in the inbox of a user who has left, at the position of leaving at most. */
  leaveGroup(conversationId: ConversationId, userId: UserId, membership: OwnMembership): void {
    this.#inboxOf(userId).setMembership(conversationId, membership);
  }

  /**
   * Creates the conversation of a message, unless it is a group, and adds the message to the inboxes and event logs of
   * `participants` as event `eventId`. The sender has read up to the message.
   */
  receive(message: Message, participants: Participants, eventId: EventId): void {
    const { id, conversationId } = message;
    const isGroup = isGroupId(conversationId);
    const members = isGroup ? participants : this.#create({ id: conversationId, participants, created: id });
    const lastMessage = Object.freeze(lastMessageOf(message));
    const named = isGroup ? [] : members;
    this.#show({ conversationId, participants: named, lastEventId: eventId, lastMessage }, members);
    this.#events.add({ id: eventId, type: 'message.created', conversationId, messageId: id }, members);
  }

  /** Shows a changed message in those inboxes of `shown` that show it, and adds `event` to the logs of `notified`. */
  change(message: Message, shown: Participants, notified: Participants, event: Event): void {
    for (const userId of shown) {
      const entry = this.findEntry(userId, message.conversationId);
      if (entry?.lastMessage?.messageId !== message.id) continue;
      this.#inboxes.get(userId)?.replace(message.conversationId, Object.freeze(lastMessageOf(message)));
    }
    this.#events.add(event, notified);
  }

  /** Like `receive`, for a message that became visible late. It has one late event id, made by `next` the first time. */
  receiveLate(message: Message, participants: Participants, next: () => EventId): void {
    const eventId = this.#lateEvents.get(message.id) ?? next();
    this.#lateEvents.set(message.id, eventId);
    const { id: messageId, conversationId, senderId } = message;
    let late = this.#lateMessages.get(conversationId);
    if (late === undefined) {
      late = new SortedList((one) => one.eventId);
      this.#lateMessages.set(conversationId, late);
    }
    late.add(Object.freeze({ eventId, messageId, senderId }));
    this.receive(message, participants, eventId);
  }

  /** The messages that became visible late under an event above `after`, oldest event first. */
  listLateAfter(conversationId: ConversationId, after: Position): readonly LateMessage[] {
    return this.#lateMessages.get(conversationId)?.above(after, Infinity) ?? [];
  }

  /** The entry of a conversation in the inbox of `userId`; null if there is none. */
  findEntry(userId: UserId, id: ConversationId): InboxEntry | null {
    return this.#inboxes.get(userId)?.find(id) ?? null;
  }

  /** Moves the read position in the inbox of `userId`, unless it is further already. */
  moveReadPosition(userId: UserId, id: ConversationId, readUpTo: EventId): void {
    const entry = this.findEntry(userId, id);
    if (entry !== null) this.#inboxes.get(userId)?.put({ ...entry, readUpTo });
  }

  isInInbox(userId: UserId, id: ConversationId): Promise<boolean> {
    return Promise.resolve(this.findEntry(userId, id) !== null);
  }

  listByUser(userId: UserId, slice: Slice): Promise<readonly InboxEntry[]> {
    return Promise.resolve(this.#inboxes.get(userId)?.below(slice) ?? []);
  }

  /** Creates the conversation, or keeps the earliest `created`. Returns the stored participants, an immutable copy. */
  #create({ id, participants, created }: Conversation): Participants {
    const known = this.#conversations.get(id);
    const members = known?.participants ?? Object.freeze([...participants]);
    if (known === undefined || created < known.created) {
      this.#conversations.set(id, Object.freeze({ id, participants: members, created }));
    }
    return members;
  }

  /** Shows an entry to `users`. */
  #show(entry: Omit<InboxEntry, 'readUpTo'>, users: readonly UserId[]): void {
    const { lastMessage } = entry;
    for (const userId of users) {
      const isOwn = lastMessage?.senderId === userId;
      this.#inboxOf(userId).put({ ...entry, readUpTo: isOwn ? lastMessage.messageId : null });
    }
  }

  #inboxOf(userId: UserId): Inbox {
    let inbox = this.#inboxes.get(userId);
    if (inbox === undefined) {
      inbox = new Inbox();
      this.#inboxes.set(userId, inbox);
    }
    return inbox;
  }
}

/** One user's inbox: an entry for each conversation, newest first. */
class Inbox {
  readonly #entries = new Map<ConversationId, InboxEntry>();
  /** The memberships of the owner in groups. */
  readonly #memberships = new Map<ConversationId, OwnMembership>();
  readonly #order = new SortedList<InboxEntry>(({ lastEventId }) => lastEventId);

  /** Shows `entry`, unless the current entry of its conversation takes precedence. The later of two read positions wins. */
  put(entry: InboxEntry): void {
    const { conversationId } = entry;
    const kept = this.#entries.get(conversationId);
    this.#hide(conversationId);
    this.#entries.set(
      conversationId,
      Object.freeze({
        ...(kept !== undefined && !takesPrecedence(entry, kept) ? kept : entry),
        readUpTo: laterPosition(entry.readUpTo, kept?.readUpTo ?? null),
      }),
    );
    this.#order.add(this.find(conversationId) ?? entry);
  }

  setMembership(conversationId: ConversationId, membership: OwnMembership): void {
    this.#hide(conversationId);
    this.#memberships.set(conversationId, Object.freeze(membership));
    const shown = this.find(conversationId);
    if (shown !== null) this.#order.add(shown);
  }

  /** Shows `lastMessage` in the entry of a conversation, at the same position. */
  replace(conversationId: ConversationId, lastMessage: LastMessage): void {
    const kept = this.#entries.get(conversationId);
    if (kept === undefined) return;
    this.#hide(conversationId);
    const changed = Object.freeze({ ...kept, lastMessage });
    this.#entries.set(conversationId, changed);
    this.#order.add(this.find(conversationId) ?? changed);
  }

  find(id: ConversationId): InboxEntry | null {
    const kept = this.#entries.get(id);
    if (kept === undefined) return null;
    const membership = this.#memberships.get(id);
    return membership === undefined ? kept : Object.freeze(atMembership(kept, membership));
  }

  #hide(id: ConversationId): void {
    const shown = this.find(id);
    if (shown !== null) this.#order.remove(shown.lastEventId);
  }

  below(slice: Slice): InboxEntry[] {
    return this.#order.below(slice);
  }
}

/**
 * Whether `entry` takes precedence: the latest message, or for an empty conversation of two the earliest start. In a
 * group the latest event of messages and joins.
 */
function takesPrecedence(entry: InboxEntry, shown: InboxEntry): boolean {
  if (isGroupId(entry.conversationId)) return entry.lastEventId > shown.lastEventId;
  if (entry.lastMessage === null) return shown.lastMessage === null && entry.lastEventId < shown.lastEventId;
  return shown.lastMessage === null || entry.lastEventId > shown.lastEventId;
}
