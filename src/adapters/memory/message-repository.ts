import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type {
  AppendRequest,
  AppendResult,
  MessageRepository,
} from '../../application/ports/message-repository.ts';
import { isLate, type LatenessLimits } from '../../domain/event.ts';
import { isGroupId, type ConversationId, type MessageId, type Position } from '../../domain/ids.ts';
import { messageBody, type Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { MemoryConversationRepository } from './conversation-repository.ts';
import type { MemoryGroupRepository } from './group-repository.ts';
import type { MemoryIdempotencyKeys } from './idempotency-keys.ts';
import { SortedList } from './sorted-list.ts';

/** The messages of all conversations, in this process's memory. */
export class MemoryMessageRepository implements MessageRepository {
  readonly #clock: Clock;
  readonly #messageIds: MessageIds;
  readonly #limits: LatenessLimits;
  readonly #conversations: MemoryConversationRepository;
  readonly #groups: Pick<MemoryGroupRepository, 'membersAt'>;
  readonly #keys: MemoryIdempotencyKeys;
  readonly #histories = new Map<ConversationId, SortedList<Message>>();

  constructor(deps: {
    clock: Clock;
    messageIds: MessageIds;
    limits: LatenessLimits;
    conversations: MemoryConversationRepository;
    groups: Pick<MemoryGroupRepository, 'membersAt'>;
    keys: MemoryIdempotencyKeys;
  }) {
    this.#clock = deps.clock;
    this.#messageIds = deps.messageIds;
    this.#limits = deps.limits;
    this.#conversations = deps.conversations;
    this.#groups = deps.groups;
    this.#keys = deps.keys;
  }

  append({ message, participants, idempotencyKey, isLive }: AppendRequest): Promise<AppendResult> {
    const kept = Object.freeze({ ...message });
    const isGroup = isGroupId(message.conversationId);
    if (idempotencyKey !== null) {
      const first = this.#keys.claim(message.senderId, idempotencyKey, messageBody(message), kept);
      if (first === null) return Promise.resolve({ outcome: 'key_reused' });
      if (first !== kept) {
        const outcome = first.id === message.id ? 'appended' : 'repeated';
        const recipients = this.#groups.membersAt(first.conversationId, first.id);
        return Promise.resolve({ outcome, message: first, ...(isGroup && { recipients }) });
      }
    }
    const recipients = isGroup ? this.#groups.membersAt(message.conversationId, message.id) : participants;
    let history = this.#histories.get(message.conversationId);
    if (history === undefined) {
      history = new SortedList(({ id }) => id);
      this.#histories.set(message.conversationId, history);
    }
    history.add(kept);
    this.#conversations.receive(kept, recipients, kept.id);
    const age = this.#clock.latest() - microsecondsOf(kept.id);
    if (isLive && isLate(age, this.#limits)) {
      this.#conversations.receiveLate(kept, recipients, () => this.#messageIds.next());
    }
    return Promise.resolve({ outcome: 'appended', message: kept, ...(isGroup && { recipients }) });
  }

  listBefore(conversationId: ConversationId, slice: Slice): Promise<readonly Message[]> {
    return Promise.resolve(this.#histories.get(conversationId)?.below(slice) ?? []);
  }

  /** At most `limit` messages above `after`, oldest first. */
  listAfter(conversationId: ConversationId, after: Position, limit: number): readonly Message[] {
    return this.#histories.get(conversationId)?.above(after, limit) ?? [];
  }

  find(conversationId: ConversationId, ids: readonly MessageId[]): Promise<readonly Message[]> {
    const history = this.#histories.get(conversationId);
    return Promise.resolve(ids.map((id) => history?.at(id)).filter((message) => message !== undefined));
  }
}
