import { createHash } from 'node:crypto';
import type { Clock } from '../../application/ports/clock.ts';
import type { Hints } from '../../application/ports/hints.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type {
  AppendRequest,
  AppendResult,
  MessageRepository,
} from '../../application/ports/message-repository.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { isLate, type LatenessLimits } from '../../domain/event.ts';
import type { ConversationId, EventId, IdempotencyKey, MessageId, UserId } from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { BackgroundRetry } from './background-retry.ts';
import { conversationRow } from './conversation-repository.ts';
import type { EventLogState } from './event-log-state.ts';
import { eventRow } from './event-repository.ts';
import { HistoryReader, messageOf } from './history.ts';
import { lastActivityRow } from './inbox.ts';
import { agreeOnLateEvent } from './late-events.ts';
import { prepared } from './prepared-statements.ts';
import type { Session, Statement, Writes } from './session.ts';
import { bucketOf } from './time-buckets.ts';

const CLAIM = prepared(`
  INSERT INTO messages_by_idempotency_key (sender_id, idempotency_key, message_id, conversation_id, fingerprint)
  VALUES (?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?`);

const PUT_BUCKET = prepared(`
  INSERT INTO buckets_by_conversation (conversation_id, bucket) VALUES (?, ?) USING TIMESTAMP ?`);

const PUT_MESSAGE = prepared(`
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`);

const PUT_DELIVERED = prepared(`
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, delivered)
  VALUES (?, ?, ?, true) USING TIMESTAMP ?`);

const IS_DELIVERED = prepared(`
  SELECT delivered FROM messages_by_conversation WHERE conversation_id = ? AND bucket = ? AND message_id = ?`);

const MESSAGES = prepared(`
  SELECT message_id, sender_id, receiver_id, content FROM messages_by_conversation
  WHERE conversation_id = ? AND bucket = ? AND message_id IN ?`);

const DAY_SECONDS = 86_400;

/** The row that lists the bucket of the message `id`. Idempotent. */
export function bucketRow(conversationId: ConversationId, id: MessageId): Statement {
  return { query: PUT_BUCKET, params: [conversationId, bucketOf(conversationId, id), microsecondsOf(id)] };
}

/**
 * The writes that show `message` to `userId` as new under `eventId`: its inbox entry and its event. They are
 * one mutation, since they share a partition key.
 */
export function inboxAndEventRows(
  message: Message,
  participants: readonly UserId[],
  eventId: EventId,
  userId: UserId,
  eventRetentionDays: number,
): Statement[] {
  const { id, conversationId } = message;
  return [
    lastActivityRow(message, participants, eventId, userId),
    eventRow(
      { id: eventId, type: 'message.created', conversationId, messageId: id },
      userId,
      eventRetentionDays,
    ),
  ];
}

/** Stores the messages of all conversations in Cassandra. */
export class CassandraMessageRepository implements MessageRepository {
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #messageIds: MessageIds;
  readonly #retry: BackgroundRetry;
  readonly #history: HistoryReader;
  readonly #limits: LatenessLimits;
  readonly #hints: Pick<Hints, 'publish'>;
  readonly #eventLog: Pick<EventLogState, 'daysToKeep'>;
  readonly #keyRetentionDays: number;

  constructor(deps: {
    session: Session;
    clock: Clock;
    messageIds: MessageIds;
    retry: BackgroundRetry;
    /** In microseconds; see `isLate`. */
    limits: LatenessLimits;
    /** Receives a hint for each message that is completed in the background. */
    hints: Pick<Hints, 'publish'>;
    eventLog: Pick<EventLogState, 'daysToKeep'>;
    /** Days for which an idempotency key is kept; 0 means forever. */
    keyRetentionDays: number;
  }) {
    this.#session = deps.session;
    this.#clock = deps.clock;
    this.#messageIds = deps.messageIds;
    this.#retry = deps.retry;
    this.#history = new HistoryReader(deps);
    this.#limits = deps.limits;
    this.#hints = deps.hints;
    this.#eventLog = deps.eventLog;
    this.#keyRetentionDays = deps.keyRetentionDays;
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    const { message, idempotencyKey } = request;
    const writes = this.#session.writes();
    if (idempotencyKey === null) {
      await this.#store(request, writes);
      return { outcome: 'appended', message };
    }
    const claim = await this.#claim(message, idempotencyKey, writes);
    if (claim === 'key_reused') return { outcome: 'key_reused' };
    const accepted = { ...message, id: claim.id };
    // A repeat of a delivered message must not move the conversation again; any other repeat completes the first attempt.
    if (claim.isNew || !(await this.#isDelivered(accepted, writes))) {
      await this.#store({ ...request, message: accepted }, writes);
      this.#retry.track(this.#markDelivered(accepted));
    }
    return { outcome: claim.id === message.id ? 'appended' : 'repeated', message: accepted };
  }

  listBefore(conversationId: ConversationId, slice: Slice): Promise<readonly Message[]> {
    return this.#history.read(conversationId, slice);
  }

  async find(conversationId: ConversationId, ids: readonly MessageId[]): Promise<readonly Message[]> {
    const byBucket = new Map<number, MessageId[]>();
    for (const id of ids) {
      const bucket = bucketOf(conversationId, id);
      byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), id]);
    }
    const parts = await Promise.all(
      [...byBucket].map(([bucket, some]) => this.#session.read(MESSAGES, [conversationId, bucket, some])),
    );
    return parts.flat().map((row) => messageOf(conversationId, row));
  }

  /** Claims `key` for `message`. Resolves with the message id of the key, and whether this was the first claim. */
  async #claim(
    message: Message,
    key: IdempotencyKey,
    writes: Writes,
  ): Promise<{ readonly id: MessageId; readonly isNew: boolean } | 'key_reused'> {
    const { id, conversationId, senderId, receiverId, content } = message;
    // No user id contains a line break, so different bodies give different texts.
    const fingerprint = createHash('sha256').update(`${receiverId}\n${content}`).digest();
    const ttl = this.#keyRetentionDays * DAY_SECONDS;
    const row = await writes.compareAndSet(CLAIM, [senderId, key, id, conversationId, fingerprint, ttl]);
    if (row['[applied]'] === true) return { id, isNew: true };
    if (!fingerprint.equals(row['fingerprint'] as Buffer)) return 'key_reused';
    return { id: String(row['message_id']) as MessageId, isNew: false };
  }

  /** Stores the message and its other rows. After a failure with an unknown outcome it is completed in the background. */
  async #store(request: AppendRequest, writes: Writes): Promise<void> {
    const retry = async (): Promise<void> => {
      await this.#write(request, this.#session.writes());
      this.#hints.publish(request.participants);
    };
    await this.#retry.watch(this.#write(request, writes), retry, request.message);
  }

  /**
   * Writes the message, its bucket and its conversation first, then the inbox entry and the event of each participant:
   * so inboxes and logs never name a message that is not stored. All writes are idempotent; their timestamp is that of
   * their message or event.
   */
  async #write(request: AppendRequest, writes: Writes): Promise<void> {
    const { message, participants } = request;
    const { id, conversationId, senderId, receiverId, content } = message;
    const bucket = bucketOf(conversationId, id);
    await writes.all([
      writes.run(PUT_MESSAGE, [
        conversationId,
        bucket,
        id,
        senderId,
        receiverId,
        content,
        microsecondsOf(id),
      ]),
      writes.batch([
        bucketRow(conversationId, id),
        conversationRow({ id: conversationId, participants, created: id }),
      ]),
    ]);
    await this.#publish(message, participants, id, writes);
    // Checked after the writes: the process may have been paused in between.
    if (await this.#needsLateEvent(request, writes)) {
      const lateEvent = await agreeOnLateEvent(
        { messageIds: this.#messageIds, isLate: (event) => this.#isLate(event) },
        message,
        writes,
      );
      await this.#publish(message, participants, lateEvent, writes);
      // Storage takes longer than the visibility window, or the wall clock has just stepped: the background retry continues.
      if (this.#isLate(lateEvent)) {
        throw new StorageFailure('outcome_unknown', {
          cause: new Error('the late event became visible late'),
        });
      }
    }
  }

  async #publish(
    message: Message,
    participants: readonly UserId[],
    eventId: EventId,
    writes: Writes,
  ): Promise<void> {
    await writes.all(
      participants.map((userId) =>
        writes.batch(inboxAndEventRows(message, participants, eventId, userId, this.#eventLog.daysToKeep)),
      ),
    );
  }

  /** False if a repeat has delivered the message meanwhile: its readers know it, and it must not move again. */
  async #needsLateEvent(
    { message, idempotencyKey, isLive }: AppendRequest,
    writes: Writes,
  ): Promise<boolean> {
    if (!isLive || !this.#isLate(message.id)) return false;
    return idempotencyKey === null || !(await this.#isDelivered(message, writes));
  }

  #isLate(eventId: EventId): boolean {
    return isLate(this.#clock.latest() - microsecondsOf(eventId), this.#limits);
  }

  async #isDelivered({ conversationId, id }: Message, writes: Writes): Promise<boolean> {
    const [row] = await writes.read(IS_DELIVERED, [conversationId, bucketOf(conversationId, id), id]);
    return row?.['delivered'] === true;
  }

  /** Not awaited: if this write is lost, a repeat writes the same rows again. */
  async #markDelivered({ conversationId, id }: Message): Promise<void> {
    const params = [conversationId, bucketOf(conversationId, id), id, microsecondsOf(id)];
    await this.#session
      .writes()
      .run(PUT_DELIVERED, params)
      .catch(() => undefined);
  }
}
