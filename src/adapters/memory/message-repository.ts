import type { Appended, MessageRepository, Posting } from '../../application/ports/message-repository.ts';
import type { ConversationId } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import type { Stretch } from '../../domain/page.ts';
import type { MemoryConversationRepository } from './conversation-repository.ts';
import { SortedList } from './sorted-list.ts';

/** The messages of all conversations, in this process's memory. */
export class MemoryMessageRepository implements MessageRepository {
  readonly #conversations: MemoryConversationRepository;
  readonly #histories = new Map<ConversationId, SortedList<Message>>();
  /** What each idempotency key stands for, by sender and key: neither can hold the space between them. */
  readonly #claims = new Map<string, Message>();

  constructor(needs: { conversations: MemoryConversationRepository }) {
    this.#conversations = needs.conversations;
  }

  append({ message, participants, idempotencyKey }: Posting): Promise<Appended> {
    const kept = Object.freeze({ ...message });
    if (idempotencyKey !== null) {
      const name = `${message.senderId} ${idempotencyKey}`;
      const claimed = this.#claims.get(name);
      if (claimed !== undefined) return Promise.resolve(answerFor(claimed, message));
      this.#claims.set(name, kept);
    }
    let history = this.#histories.get(message.conversationId);
    if (history === undefined) {
      history = new SortedList(({ id }) => id);
      this.#histories.set(message.conversationId, history);
    }
    history.add(kept);
    this.#conversations.receive(kept, participants);
    return Promise.resolve({ outcome: 'appended', message: kept });
  }

  listBefore(conversationId: ConversationId, stretch: Stretch): Promise<readonly Message[]> {
    return Promise.resolve(this.#histories.get(conversationId)?.below(stretch) ?? []);
  }
}

/** What a posting of `message` comes to whose key stands for `claimed`. */
function answerFor(claimed: Message, message: Message): Appended {
  if (claimed.receiverId !== message.receiverId || claimed.content !== message.content) {
    return { outcome: 'key_reused' };
  }
  return { outcome: claimed.id === message.id ? 'appended' : 'repeated', message: claimed };
}
