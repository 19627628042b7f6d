import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  EditRequest,
  MessageRepository,
} from '../../application/ports/message-repository.ts';
import { isLate, type LatenessLimits } from '../../domain/event.ts';
import type { ConversationId, EventId, MessageId, Position, UserId } from '../../domain/ids.ts';
import { withDeletion, withEdit, type Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import { microsecondsOf, type Microseconds } from '../../domain/time.ts';
import type { MemoryConversationRepository } from './conversation-repository.ts';
import { SortedList } from './sorted-list.ts';

const DAY: Microseconds = 86_400_000_000;

/** The message of an idempotency key, and the time of its claim. */
interface Claim {
  readonly message: Message;
  readonly claimedAt: Microseconds;
}

/** The messages of all conversations, in this process's memory. */
export class MemoryMessageRepository implements MessageRepository {
  readonly #clock: Clock;
  readonly #messageIds: MessageIds;
  readonly #limits: LatenessLimits;
  readonly #keyRetention: Microseconds;
  readonly #conversations: MemoryConversationRepository;
  readonly #histories = new Map<ConversationId, SortedList<Message>>();
  /** By sender and key, joined by a space, which neither can contain; in the order of the claims. */
  readonly #claims = new Map<string, Claim>();

  constructor(deps: {
    clock: Clock;
    messageIds: MessageIds;
    limits: LatenessLimits;
    keyRetentionDays: number;
    conversations: MemoryConversationRepository;
  }) {
    this.#clock = deps.clock;
    this.#messageIds = deps.messageIds;
    this.#limits = deps.limits;
    this.#keyRetention = deps.keyRetentionDays === 0 ? Infinity : deps.keyRetentionDays * DAY;
    this.#conversations = deps.conversations;
  }

  append({ message, participants, idempotencyKey, isLive }: AppendRequest): Promise<AppendResult> {
    const kept = Object.freeze({ ...message });
    if (idempotencyKey !== null) {
      this.#dropExpiredClaims();
      const name = `${message.senderId} ${idempotencyKey}`;
      const claim = this.#claims.get(name);
      if (claim !== undefined) return Promise.resolve(this.#repeatOf(claim.message, message));
      this.#claims.set(name, { message: kept, claimedAt: this.#clock.now() });
    }
    let history = this.#histories.get(message.conversationId);
    if (history === undefined) {
      history = new SortedList(({ id }) => id);
      this.#histories.set(message.conversationId, history);
    }
    history.add(kept);
    // The message as it was appended first, and as it is after its edits.
    const stored = history.at(kept.id) ?? kept;
    this.#conversations.receive(stored, participants, kept.id);
    if (isLive && this.#isLate(kept.id)) {
      this.#conversations.receiveLate(stored, participants, () => this.#messageIds.next());
    }
    return Promise.resolve({ outcome: 'appended', message: kept });
  }

  edit({ conversationId, messageId, participants, editId, content }: EditRequest): Promise<Message | null> {
    const message = this.#histories.get(conversationId)?.at(messageId);
    if (message?.deletionId !== null) return Promise.resolve(message ?? null);
    return Promise.resolve(
      this.#change(withEdit(message, editId, content), participants, 'message.edited', editId),
    );
  }

  delete({ conversationId, messageId, participants, deletionId }: DeleteRequest): Promise<Message | null> {
    const message = this.#histories.get(conversationId)?.at(messageId);
    if (message === undefined) return Promise.resolve(null);
    const deleted = withDeletion(message, deletionId);
    // A repeat of a deletion adds no event.
    if (message.deletionId !== null) return Promise.resolve(this.#replace(deleted));
    return Promise.resolve(this.#change(deleted, participants, 'message.deleted', deletionId));
  }

  #replace(changed: Message): Message {
    const kept = Object.freeze({ ...changed });
    const history = this.#histories.get(kept.conversationId);
    history?.remove(kept.id);
    history?.add(kept);
    return kept;
  }

  /** Stores a changed message, shows it in the inboxes, and adds an event of the change to the logs. */
  #change(
    changed: Message,
    participants: readonly UserId[],
    type: 'message.edited' | 'message.deleted',
    changeId: EventId,
  ): Message {
    const kept = this.#replace(changed);
    const { id: messageId, conversationId } = kept;
    const id = this.#isLate(changeId) ? this.#messageIds.next() : changeId;
    this.#conversations.change(kept, participants, { id, type, conversationId, messageId });
    return kept;
  }

  #isLate(id: EventId): boolean {
    return isLate(this.#clock.latest() - microsecondsOf(id), this.#limits);
  }

  listBefore(conversationId: ConversationId, slice: Slice): Promise<readonly Message[]> {
    return Promise.resolve(this.#histories.get(conversationId)?.below(slice) ?? []);
  }

  /** The newest `limit` messages above `after`, newest first. */
  listAbove(conversationId: ConversationId, after: Position, limit: number): readonly Message[] {
    const newest = this.#histories.get(conversationId)?.below({ before: null, offset: 0, limit }) ?? [];
    return newest.filter(({ id }) => id > after);
  }

  isDeleted(conversationId: ConversationId, id: MessageId): boolean {
    return (this.#histories.get(conversationId)?.at(id)?.deletionId ?? null) !== null;
  }

  find(conversationId: ConversationId, ids: readonly MessageId[]): Promise<readonly Message[]> {
    const history = this.#histories.get(conversationId);
    return Promise.resolve(ids.map((id) => history?.at(id)).filter((message) => message !== undefined));
  }

  #dropExpiredClaims(): void {
    const before = this.#clock.now() - this.#keyRetention;
    for (const [name, { claimedAt }] of this.#claims) {
      if (claimedAt >= before) return;
      this.#claims.delete(name);
    }
  }

  /** The result of an append of `message` whose key belongs to `claimed`. */
  #repeatOf(claimed: Message, message: Message): AppendResult {
    if (claimed.receiverId !== message.receiverId || claimed.content !== message.content) {
      return { outcome: 'key_reused' };
    }
    const stored = this.#histories.get(claimed.conversationId)?.at(claimed.id);
    return { outcome: claimed.id === message.id ? 'appended' : 'repeated', message: stored ?? claimed };
  }
}
