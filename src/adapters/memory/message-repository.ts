import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type {
  AppendRequest,
  AppendResult,
  MessageRepository,
} from '../../application/ports/message-repository.ts';
import { isLate, type LatenessLimits } from '../../domain/event.ts';
import type { ConversationId, MessageId, Position } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
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
      if (claim !== undefined) return Promise.resolve(repeatOf(claim.message, message));
      this.#claims.set(name, { message: kept, claimedAt: this.#clock.now() });
    }
    let history = this.#histories.get(message.conversationId);
    if (history === undefined) {
      history = new SortedList(({ id }) => id);
      this.#histories.set(message.conversationId, history);
    }
    history.add(kept);
    this.#conversations.receive(kept, participants, kept.id);
    const age = this.#clock.latest() - microsecondsOf(kept.id);
    if (isLive && isLate(age, this.#limits)) {
      this.#conversations.receiveLate(kept, participants, () => this.#messageIds.next());
    }
    return Promise.resolve({ outcome: 'appended', message: kept });
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

  #dropExpiredClaims(): void {
    const before = this.#clock.now() - this.#keyRetention;
    for (const [name, { claimedAt }] of this.#claims) {
      if (claimedAt >= before) return;
      this.#claims.delete(name);
    }
  }
}

/** The result of an append of `message` whose key belongs to `claimed`. */
function repeatOf(claimed: Message, message: Message): AppendResult {
  if (claimed.receiverId !== message.receiverId || claimed.content !== message.content) {
    return { outcome: 'key_reused' };
  }
  return { outcome: claimed.id === message.id ? 'appended' : 'repeated', message: claimed };
}
