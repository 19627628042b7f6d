import type { ConversationRepository } from '../../application/ports/conversation-repository.ts';
import {
  positionOf,
  type Conversation,
  type InboxEntry,
  type Participants,
} from '../../domain/conversation.ts';
import type { ConversationId, UserId } from '../../domain/ids.ts';
import { previewOf, type Message } from '../../domain/message.ts';
import type { Stretch } from '../../domain/page.ts';
import { SortedList } from './sorted-list.ts';

/** The conversations, and the inboxes that show them, in this process's memory. */
export class MemoryConversationRepository implements ConversationRepository {
  readonly #conversations = new Map<ConversationId, Conversation>();
  readonly #inboxes = new Map<UserId, Inbox>();

  find(id: ConversationId): Promise<Conversation | null> {
    return Promise.resolve(this.#conversations.get(id) ?? null);
  }

  start({ id, participants, created }: Conversation): Promise<void> {
    const members = this.#begin({ id, participants, created });
    this.#show({ conversationId: id, participants: members, head: null, created });
    return Promise.resolve();
  }

  /** Begins the conversation of an appended message, and puts it into the inbox of each participant. */
  receive({ id, conversationId, senderId, content }: Message, participants: Participants): void {
    const members = this.#begin({ id: conversationId, participants, created: id });
    const head = Object.freeze({ messageId: id, senderId, preview: previewOf(content) });
    this.#show({ conversationId, participants: members, head });
  }

  isInInbox(userId: UserId, id: ConversationId): Promise<boolean> {
    return Promise.resolve(this.#inboxes.get(userId)?.has(id) ?? false);
  }

  listByUser(userId: UserId, stretch: Stretch): Promise<readonly InboxEntry[]> {
    return Promise.resolve(this.#inboxes.get(userId)?.below(stretch) ?? []);
  }

  /** Keeps the earliest begin. Gives its participants: what is kept belongs to this repository alone. */
  #begin({ id, participants, created }: Conversation): Participants {
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

/** One user's inbox: an entry for each conversation, the newest on top. */
class Inbox {
  readonly #entries = new Map<ConversationId, InboxEntry>();
  readonly #order = new SortedList<InboxEntry>(positionOf);

  /** Shows `entry`, unless what is shown of its conversation prevails. */
  put(entry: InboxEntry): void {
    const shown = this.#entries.get(entry.conversationId);
    if (shown !== undefined) {
      if (!prevails(entry, shown)) return;
      this.#order.remove(positionOf(shown));
    }
    this.#entries.set(entry.conversationId, entry);
    this.#order.add(entry);
  }

  has(id: ConversationId): boolean {
    return this.#entries.has(id);
  }

  below(stretch: Stretch): InboxEntry[] {
    return this.#order.below(stretch);
  }
}

/** Whether `entry` says more of its conversation than `shown`: the newest message, or else the earliest begin. */
function prevails(entry: InboxEntry, shown: InboxEntry): boolean {
  if (entry.head === null) return shown.head === null && entry.created < shown.created;
  return shown.head === null || entry.head.messageId > shown.head.messageId;
}
