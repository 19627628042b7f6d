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
import { coversChange } from '../../domain/group.ts';
import {
  isGroupId,
  type ConversationId,
  type EventId,
  type IdempotencyKey,
  type MessageId,
  type Position,
  type UserId,
} from '../../domain/ids.ts';
import { messageBody, withDeletion, withEdit, type Message } from '../../domain/message.ts';
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
  readonly #groups: Pick<MemoryGroupRepository, 'membersAt' | 'membershipsOf'>;
  readonly #keys: MemoryIdempotencyKeys;
  readonly #histories = new Map<ConversationId, SortedList<Message>>();

  constructor(deps: {
    clock: Clock;
    messageIds: MessageIds;
    limits: LatenessLimits;
    conversations: MemoryConversationRepository;
    groups: Pick<MemoryGroupRepository, 'membersAt' | 'membershipsOf'>;
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
      const first = this.#keys.claim<Message>(message.senderId, idempotencyKey, messageBody(message), kept);
      if (first === null) return Promise.resolve({ outcome: 'key_reused' });
      if (first !== kept) {
        const { id, conversationId } = first;
        const outcome = id === message.id ? 'appended' : 'repeated';
        const stored = this.#histories.get(conversationId)?.at(id) ?? first;
        const recipients = this.#groups.membersAt(conversationId, id);
        return Promise.resolve({ outcome, message: stored, ...(isGroup && { recipients }) });
      }
    }
    const recipients = isGroup ? this.#groups.membersAt(message.conversationId, message.id) : participants;
    let history = this.#histories.get(message.conversationId);
    if (history === undefined) {
      history = new SortedList(({ id }) => id);
      this.#histories.set(message.conversationId, history);
    }
    history.add(kept);
    // The message as it was appended first, and as it is after its edits.
    const stored = history.at(kept.id) ?? kept;
    this.#conversations.receive(stored, recipients, kept.id);
    if (isLive && this.#isLate(kept.id)) {
      this.#conversations.receiveLate(stored, recipients, () => this.#messageIds.next());
    }
    return Promise.resolve({ outcome: 'appended', message: kept, ...(isGroup && { recipients }) });
  }

  edit({ conversationId, messageId, participants, editId, content }: EditRequest): Promise<Message | null> {
    const message = this.#histories.get(conversationId)?.at(messageId);
    if (message?.deletionId !== null) return Promise.resolve(message ?? null);
    const changed = withEdit(message, editId, content);
    return Promise.resolve(this.#change(changed, participants, 'message.edited', editId));
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
    const memberships = this.#groups.membershipsOf(conversationId);
    const notified = isGroupId(conversationId)
      ? memberships.filter((member) => coversChange(member, messageId, changeId)).map(({ userId }) => userId)
      : participants;
    // A deletion also overwrites the content in the inboxes of those who left.
    const isForFormer = isGroupId(conversationId) && type === 'message.deleted';
    const shown = isForFormer ? memberships.map(({ userId }) => userId) : notified;
    this.#conversations.change(kept, shown, notified, { id, type, conversationId, messageId });
    return kept;
  }

  #isLate(id: EventId): boolean {
    return isLate(this.#clock.latest() - microsecondsOf(id), this.#limits);
  }

  listBefore(conversationId: ConversationId, slice: Slice): Promise<readonly Message[]> {
    return Promise.resolve(this.#histories.get(conversationId)?.below(slice) ?? []);
  }

  findByKey(senderId: UserId, key: IdempotencyKey): Promise<Message | null> {
    // For the creation of a group it is the id of the group.
    const claimed = this.#keys.find(senderId, key) as Message | ConversationId | undefined;
    if (claimed === undefined || typeof claimed === 'string') return Promise.resolve(null);
    return Promise.resolve(this.#histories.get(claimed.conversationId)?.at(claimed.id) ?? null);
  }

  /** The newest `limit` messages below `before` and above `after`, newest first. */
  listAbove(
    conversationId: ConversationId,
    after: Position,
    before: Position | null,
    limit: number,
  ): readonly Message[] {
    const newest = this.#histories.get(conversationId)?.below({ before, offset: 0, limit }) ?? [];
    return newest.filter(({ id }) => id > after);
  }

  isDeleted(conversationId: ConversationId, id: MessageId): boolean {
    return (this.#histories.get(conversationId)?.at(id)?.deletionId ?? null) !== null;
  }

  find(conversationId: ConversationId, ids: readonly MessageId[]): Promise<readonly Message[]> {
    const history = this.#histories.get(conversationId);
    return Promise.resolve(ids.map((id) => history?.at(id)).filter((message) => message !== undefined));
  }
}
