import type { ConversationRepository } from '../../application/ports/conversation-repository.ts';
import type { Conversation, InboxEntry, Participants } from '../../domain/conversation.ts';
import type { ConversationId, EventId, MessageId, UserId } from '../../domain/ids.ts';
import { previewOf, type Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import type { MemoryEventRepository } from './event-repository.ts';
import { SortedList } from './sorted-list.ts';

/** The conversations and inboxes, in this process's memory. */
export class MemoryConversationRepository implements ConversationRepository {
  readonly #conversations = new Map<ConversationId, Conversation>();
  readonly #inboxes = new Map<UserId, Inbox>();
  readonly #events: MemoryEventRepository;
  /** The late event of each message that became visible late. */
  readonly #lateEvents = new Map<MessageId, EventId>();

  constructor(deps: { events: MemoryEventRepository }) {
    this.#events = deps.events;
  }

  find(id: ConversationId): Promise<Conversation | null> {
    return Promise.resolve(this.#conversations.get(id) ?? null);
  }

  start({ id, participants, created }: Conversation): Promise<void> {
    const members = this.#create({ id, participants, created });
    this.#show({ conversationId: id, participants: members, lastEventId: created, lastMessage: null });
    this.#events.add({ id: created, type: 'conversation.created', conversationId: id }, members);
    return Promise.resolve();
  }

  /** Creates the conversation of a message, and adds the message to all inboxes and event logs as event `eventId`. */
  receive(message: Message, participants: Participants, eventId: EventId): void {
    const { id, conversationId, senderId, content } = message;
    const members = this.#create({ id: conversationId, participants, created: id });
    const lastMessage = Object.freeze({ messageId: id, senderId, preview: previewOf(content) });
    this.#show({ conversationId, participants: members, lastEventId: eventId, lastMessage });
    this.#events.add({ id: eventId, type: 'message.created', conversationId, messageId: id }, members);
  }

  /** Like `receive`, for a message that became visible late. It has one late event id, made by `next` the first time. */
  receiveLate(message: Message, participants: Participants, next: () => EventId): void {
    const eventId = this.#lateEvents.get(message.id) ?? next();
    this.#lateEvents.set(message.id, eventId);
    this.receive(message, participants, eventId);
  }

  isInInbox(userId: UserId, id: ConversationId): Promise<boolean> {
    return Promise.resolve(this.#inboxes.get(userId)?.has(id) ?? false);
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

  #show(row: InboxEntry): void {
    const entry = Object.freeze(row);
    for (const participant of entry.participants) {
      let inbox = this.#inboxes.get(participant);
      if (inbox === undefined) {
        inbox = new Inbox();
        this.#inboxes.set(participant, inbox);
      }
      inbox.put(entry);
    }
  }
}

/** One user's inbox: an entry for each conversation, newest first. */
class Inbox {
  readonly #entries = new Map<ConversationId, InboxEntry>();
  readonly #order = new SortedList<InboxEntry>(({ lastEventId }) => lastEventId);

  /** Replaces the conversation's entry, if `entry` takes precedence over it. */
  put(entry: InboxEntry): void {
    const shown = this.#entries.get(entry.conversationId);
    if (shown !== undefined) {
      if (!takesPrecedence(entry, shown)) return;
      this.#order.remove(shown.lastEventId);
    }
    this.#entries.set(entry.conversationId, entry);
    this.#order.add(entry);
  }

  has(id: ConversationId): boolean {
    return this.#entries.has(id);
  }

  below(slice: Slice): InboxEntry[] {
    return this.#order.below(slice);
  }
}

/** Whether `entry` takes precedence: the latest message, or for an empty conversation the earliest start. */
function takesPrecedence(entry: InboxEntry, shown: InboxEntry): boolean {
  if (entry.lastMessage === null) return shown.lastMessage === null && entry.lastEventId < shown.lastEventId;
  return shown.lastMessage === null || entry.lastEventId > shown.lastEventId;
}
