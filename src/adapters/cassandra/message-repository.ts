import { types } from 'cassandra-driver';
import type { Clock } from '../../application/ports/clock.ts';
import type { Hints } from '../../application/ports/hints.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  EditRequest,
  MessageRepository,
} from '../../application/ports/message-repository.ts';
import { StorageFailure } from '../../application/ports/storage-failure.ts';
import { isLate, visibilityWindow, type Event, type LatenessLimits } from '../../domain/event.ts';
import { coversChange, coversPosition, type Member } from '../../domain/group.ts';
import {
  isGroupId,
  type ConversationId,
  type EventId,
  type IdempotencyKey,
  type MessageId,
  type UserId,
} from '../../domain/ids.ts';
import { messageBody, type Message } from '../../domain/message.ts';
import type { Slice } from '../../domain/page.ts';
import { microsecondsOf } from '../../domain/time.ts';
import type { BackgroundRetry } from './background-retry.ts';
import { conversationRow } from './conversation-repository.ts';
import type { EventLogState } from './event-log-state.ts';
import { eventRow } from './event-repository.ts';
import { findMembersAt, findMembershipsAt } from './group-repository.ts';
import { HistoryReader, isMessage, messageOf, readByIds } from './history.ts';
import { claimKey, findClaim } from './idempotency-keys.ts';
import { findEntries, lastActivityRow, NIL } from './inbox.ts';
import { agreeOnLateEvent, findLateEvent } from './late-events.ts';
import { prepared } from './prepared-statements.ts';
import type { RepositoryDependencies } from './repository-dependencies.ts';
import type { Session, Statement, Writes } from './session.ts';
import { bucketOf, firstWriteWins } from './time-buckets.ts';

const PUT_BUCKET = prepared(`
  INSERT INTO buckets_by_conversation (conversation_id, bucket) VALUES (?, ?) USING TIMESTAMP ?`);

const PUT_MESSAGE = prepared(`
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
  VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`);

const PUT_DELIVERED = prepared(`
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, delivered)
  VALUES (?, ?, ?, true) USING TIMESTAMP ?`);

/** An edit; the content of the message, or of an earlier edit, is overwritten. */
const PUT_EDIT = prepared(`
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, content, edit)
  VALUES (?, ?, ?, '', ?) USING TIMESTAMP ?`);

const PUT_DELETION = prepared(`
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, deletion)
  VALUES (?, ?, ?, ?) USING TIMESTAMP ?`);

const PUT_DELETION_COMPLETE = prepared(`
  INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, deletion_complete)
  VALUES (?, ?, ?, true) USING TIMESTAMP ?`);

const MESSAGE = prepared(`
  SELECT message_id, sender_id, receiver_id, content, edit, deletion, delivered, deletion_complete
  FROM messages_by_conversation WHERE conversation_id = ? AND bucket = ? AND message_id = ?`);

const MESSAGES = prepared(`
  SELECT message_id, sender_id, receiver_id, content, edit, deletion FROM messages_by_conversation
  WHERE conversation_id = ? AND bucket = ? AND message_id IN ?`);

/**
 * The write timestamp with which a deletion overwrites content and edits: above the microsecond of every id, so that no
 * edit that arrives later is stored. It does not depend on the deletion, so a repeat writes the same cells.
 */
const ABOVE_ALL_EDITS = Number.MAX_SAFE_INTEGER;

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

/** The write that gives a message a new content. Idempotent; of several edits the one with the largest id wins. */
export function editRow(
  conversationId: ConversationId,
  id: MessageId,
  editId: EventId,
  content: string,
): Statement {
  return {
    query: PUT_EDIT,
    params: [
      conversationId,
      bucketOf(conversationId, id),
      id,
      new types.Tuple(editId, content),
      microsecondsOf(editId),
    ],
  };
}

/** The writes that delete a message and overwrite its content. Idempotent; of several deletions the earliest wins. */
export function deletionRows(
  conversationId: ConversationId,
  id: MessageId,
  deletionId: EventId,
): Statement[] {
  const bucket = bucketOf(conversationId, id);
  const nothing = new types.Tuple(NIL, '');
  return [
    { query: PUT_EDIT, params: [conversationId, bucket, id, nothing, ABOVE_ALL_EDITS] },
    { query: PUT_DELETION, params: [conversationId, bucket, id, deletionId, firstWriteWins(deletionId)] },
  ];
}

/** A stored message, and what is known to be complete of its send (only with a key) and of its deletion. */
export interface StoredMessage {
  readonly message: Message;
  readonly isDelivered: boolean;
  readonly isDeletionComplete: boolean;
}

/** A message by its id; null if it does not exist. */
export async function findStored(
  { read }: Pick<Writes, 'read'>,
  conversationId: ConversationId,
  id: MessageId,
): Promise<StoredMessage | null> {
  const [row] = await read(MESSAGE, [conversationId, bucketOf(conversationId, id), id]);
  if (row === undefined || !isMessage(row)) return null;
  return {
    message: messageOf(conversationId, row),
    isDelivered: row['delivered'] === true,
    isDeletionComplete: row['deletion_complete'] === true,
  };
}

/** A change of a stored message, to be shown in inboxes and logs. */
interface Change {
  /** The message as it is now. */
  readonly message: Message;
  /** The last event of the message. */
  readonly eventId: EventId;
  /** The participants of a conversation of two. */
  readonly participants: readonly UserId[];
  readonly type: 'message.edited' | 'message.deleted';
  /** The edit or the deletion. */
  readonly id: EventId;
}

interface StoreRequest extends AppendRequest {
  /** Whether another attempt has claimed the key of the send. */
  readonly isRepeat?: boolean;
}

/** The users whose inboxes and event logs have a message of a group; undefined in a conversation of two. */
interface Recipients {
  readonly recipients?: readonly UserId[];
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
  readonly #eventLog: Pick<EventLogState, 'daysToKeep' | 'start'>;
  readonly #keyRetentionDays: number;

  constructor(deps: RepositoryDependencies) {
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
      return { outcome: 'appended', message, ...(await this.#store(request, writes)) };
    }
    const claim = await claimKey(
      {
        userId: message.senderId,
        key: idempotencyKey,
        id: message.id,
        conversationId: message.conversationId,
        body: messageBody(message),
        retentionDays: this.#keyRetentionDays,
      },
      writes,
    );
    if (claim === 'key_reused') return { outcome: 'key_reused' };
    const accepted = { ...message, id: claim.id };
    const stored = claim.isNew ? null : await findStored(writes, accepted.conversationId, accepted.id);
    // A repeat of a delivered message must not move the conversation again; any other repeat completes the first attempt.
    const outcome = claim.id === message.id ? 'appended' : 'repeated';
    if (stored?.isDelivered === true) return { outcome, message: stored.message };
    // The members were read for another id.
    const isOther = isGroupId(message.conversationId) && claim.id !== message.id;
    const participants = isOther ? [] : request.participants;
    const isRepeat = !claim.isNew;
    const recipients = await this.#store({ ...request, participants, message: accepted, isRepeat }, writes);
    this.#retry.track(this.#mark(PUT_DELIVERED, accepted));
    return { outcome, message: stored?.message ?? accepted, ...recipients };
  }

  async edit({
    conversationId,
    messageId,
    participants,
    editId,
    content,
  }: EditRequest): Promise<Message | null> {
    return this.#change({ conversationId, messageId, participants }, async (writes) => {
      const { query, params } = editRow(conversationId, messageId, editId, content);
      await writes.run(query, params);
      const current = await this.#afterChange(conversationId, messageId, writes);
      // A deleted message stays as it is: the edit is not stored.
      if (current?.message.deletionId !== null) return current?.message ?? null;
      const event = { type: 'message.edited', id: editId } as const;
      await this.#publishChange({ ...current, participants, ...event }, writes);
      return current.message;
    });
  }

  async delete({
    conversationId,
    messageId,
    participants,
    deletionId,
  }: DeleteRequest): Promise<Message | null> {
    return this.#change({ conversationId, messageId, participants }, async (writes) => {
      await writes.batch(deletionRows(conversationId, messageId, deletionId));
      const current = await this.#afterChange(conversationId, messageId, writes);
      if (current === null || current.isDeletionComplete) return current?.message ?? null;
      // Of several deletions the earliest, so that a repeat writes the same event.
      const id = current.message.deletionId ?? deletionId;
      await this.#publishChange({ ...current, participants, type: 'message.deleted', id }, writes);
      this.#retry.track(this.#mark(PUT_DELETION_COMPLETE, current.message));
      return current.message;
    });
  }

  listBefore(conversationId: ConversationId, slice: Slice): Promise<readonly Message[]> {
    return this.#history.read(conversationId, slice);
  }

  async find(conversationId: ConversationId, ids: readonly MessageId[]): Promise<readonly Message[]> {
    const rows = await readByIds(this.#session, MESSAGES, conversationId, ids);
    return rows.filter(isMessage).map((row) => messageOf(conversationId, row));
  }

  async findByKey(senderId: UserId, key: IdempotencyKey): Promise<Message | null> {
    const claim = await findClaim(this.#session, senderId, key);
    if (claim === null) return null;
    return (await findStored(this.#session, claim.conversationId, claim.id as MessageId))?.message ?? null;
  }

  /** Stores the message and its other rows. After a failure with an unknown outcome it is completed in the background. */
  async #store(request: StoreRequest, writes: Writes): Promise<Recipients> {
    const retry = async (): Promise<void> => {
      this.#hints.publish(await this.#write(request, this.#session.writes()));
    };
    const recipients = await this.#retry.watch(this.#write(request, writes), retry, request.message);
    return isGroupId(request.message.conversationId) ? { recipients } : {};
  }

  /** Makes a change. After a failure with an unknown outcome it is completed in the background. */
  #change(
    { conversationId, messageId, participants }: Omit<DeleteRequest, 'deletionId'>,
    change: (writes: Writes) => Promise<Message | null>,
  ): Promise<Message | null> {
    const retry = async (): Promise<void> => {
      await change(this.#session.writes());
      this.#hints.publish(participants);
    };
    return this.#retry.watch(change(this.#session.writes()), retry, { id: messageId, conversationId });
  }

  /**
   * Reads the late event of a message and then the message, after a change was written. A send that completes late uses the
   * same order: it agrees on its event and then reads the message. So if a send has read an older state of the
   * message, the change finds the late event of that send and shows the new state under it. No inbox keeps the older state.
   */
  async #afterChange(conversationId: ConversationId, id: MessageId, writes: Writes) {
    const lateEvent = await findLateEvent(writes, conversationId, id);
    const stored = await findStored(writes, conversationId, id);
    return stored === null ? null : { ...stored, eventId: lateEvent ?? id };
  }

  /**
   * The users whose inboxes may show a changed message, each with whether the log gets the event of the change. In a group
   * they are read after the change was written; a member who is added later gets the message as it is then. One who left
   * before gets no event and no edit, but the deletion overwrites the content in that inbox, too.
   */
  async #usersOfChange(
    { message, participants, type, id }: Change,
    writes: Writes,
  ): Promise<readonly { readonly userId: UserId; readonly getsEvent: boolean }[]> {
    const { conversationId, id: messageId } = message;
    if (!isGroupId(conversationId)) return participants.map((userId) => ({ userId, getsEvent: true }));
    // Those who left before an edit, most of whom may not be in the row of the group, do not get it.
    if (type === 'message.edited') {
      const members = await findMembershipsAt(writes, conversationId, id);
      return members
        .filter((member) => coversChange(member, messageId, id))
        .map(({ userId }) => ({ userId, getsEvent: true }));
    }
    const members = await findMembershipsAt(writes, conversationId, messageId);
    const inboxesOnly = await this.#formerMembersWith(message, members, writes);
    return [
      ...members
        .filter((member) => coversPosition(member, messageId))
        .map((member) => ({ userId: member.userId, getsEvent: coversChange(member, messageId, id) })),
      ...inboxesOnly.map((userId) => ({ userId, getsEvent: false })),
    ];
  }

  /**
   * The users of `members` who left just before `message`, but whose inboxes have it: the send has read the members before
   * they left.
   */
  async #formerMembersWith(
    { id, conversationId }: Message,
    members: readonly Member[],
    writes: Writes,
  ): Promise<readonly UserId[]> {
    const window = visibilityWindow(this.#limits);
    const candidates = members.filter(
      ({ joined, left }) =>
        joined < id && left !== null && left < id && microsecondsOf(id) - microsecondsOf(left) <= window,
    );
    const found = candidates.map(async ({ userId }) => {
      const [entry] = await findEntries(writes, userId, [conversationId]);
      return entry?.lastMessage?.messageId === id ? [userId] : [];
    });
    return (await Promise.all(found)).flat();
  }

  /**
   * Shows `message` as it is now in the inboxes that show it, and adds the event `id` of the change to the logs. The inbox
   * entry and its `message.created` event are those of `eventId`, the last event of the message: they replace what a send
   * that is still in progress writes for it or for an earlier one, and lose to every later message. If the event of the
   * change is late, another one is added.
   */
  async #publishChange(change: Change, writes: Writes): Promise<void> {
    const { message, eventId, participants, type } = change;
    const users = await this.#usersOfChange(change, writes);
    const { id: messageId, conversationId } = message;
    const isLogged = eventId > this.#eventLog.start();
    let { id } = change;
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      if (this.#isLate(id)) id = this.#messageIds.next();
      const events: Event[] = [{ id, type, conversationId, messageId }];
      if (isLogged) events.push({ id: eventId, type: 'message.created', conversationId, messageId });
      await writes.batches(
        users.map(({ userId, getsEvent }) => [
          lastActivityRow(message, participants, eventId, userId),
          ...(getsEvent ? events : []).map((event) => eventRow(event, userId, this.#eventLog.daysToKeep)),
        ]),
      );
      if (!this.#isLate(id)) return;
    }
    throw lateAgain();
  }

  /**
   * Writes the message, its bucket and its conversation first, then the inbox entry and the event of each participant:
   * so inboxes and logs never name a message that is not stored. All writes are idempotent; their timestamp is that of
   * their message or event. Resolves with the users whose inboxes have the message.
   */
  async #write(request: StoreRequest, writes: Writes): Promise<readonly UserId[]> {
    const { message, participants } = request;
    const { id, conversationId, senderId, receiverId, content } = message;
    const bucket = bucketOf(conversationId, id);
    await writes.all([
      writes.run(PUT_MESSAGE, [
        conversationId,
        bucket,
        id,
        senderId,
        receiverId ?? undefined,
        content,
        microsecondsOf(id),
      ]),
      writes.batch([
        bucketRow(conversationId, id),
        ...(isGroupId(conversationId)
          ? []
          : [conversationRow({ id: conversationId, participants, created: id })]),
      ]),
    ]);
    let recipients = await this.#publishToAll(message, participants, id, writes);
    // Checked after the writes: the process may have been paused in between.
    if (await this.#needsLateEvent(request, writes)) {
      const lateEvent = await agreeOnLateEvent(
        { messageIds: this.#messageIds, isLate: (event) => this.#isLate(event) },
        message,
        writes,
      );
      // Read after the agreement, see `#afterChange`: the message may have been edited or deleted by now.
      const stored = await findStored(writes, conversationId, id);
      // In a group, some of the participants may have left by now, or joined again: only its present members get the event.
      const readers = isGroupId(conversationId) ? [] : participants;
      recipients = await this.#publishToAll(stored?.message ?? message, readers, lateEvent, writes);
      // Storage takes longer than the visibility window, or the wall clock has just stepped: the background retry continues.
      if (this.#isLate(lateEvent)) throw lateAgain();
    }
    return recipients;
  }

  /**
   * Shows a stored message to all participants. In a group, the members are read after the message is stored, see
   * `MessageRepository.append`; those of `participants` whose membership covers it get it at the same time as they are
   * read. Resolves with the users who got it.
   */
  async #publishToAll(
    message: Message,
    participants: readonly UserId[],
    eventId: EventId,
    writes: Writes,
  ): Promise<readonly UserId[]> {
    const { id, conversationId } = message;
    if (!isGroupId(conversationId)) {
      await this.#publish(message, participants, eventId, writes);
      return participants;
    }
    let members: readonly UserId[] = [];
    await writes.all([
      this.#publish(message, participants, eventId, writes),
      findMembersAt(writes, conversationId, id).then((found) => {
        members = found;
      }),
    ]);
    const others = members.filter((member) => !participants.includes(member));
    await this.#publish(message, others, eventId, writes);
    return [...participants, ...others];
  }

  async #publish(
    message: Message,
    participants: readonly UserId[],
    eventId: EventId,
    writes: Writes,
  ): Promise<void> {
    await writes.batches(
      participants.map((userId) =>
        inboxAndEventRows(message, participants, eventId, userId, this.#eventLog.daysToKeep),
      ),
    );
  }

  /**
   * Also true if another process, whose clock is ahead, has agreed on a late event: its work must be completed. False if a
   * repeat has delivered the message meanwhile, because its readers have it and it must not move again. Also false if the
   * message is deleted.
   */
  async #needsLateEvent(
    { message, idempotencyKey, isLive, isRepeat = false }: StoreRequest,
    writes: Writes,
  ): Promise<boolean> {
    if (!isLive) return false;
    const isLate =
      this.#isLate(message.id) ||
      (isRepeat && (await findLateEvent(writes, message.conversationId, message.id)) !== null);
    if (!isLate) return false;
    const stored = await findStored(writes, message.conversationId, message.id);
    if (stored !== null && stored.message.deletionId !== null) return false;
    return idempotencyKey === null || stored?.isDelivered !== true;
  }

  #isLate(eventId: EventId): boolean {
    return isLate(this.#clock.latest() - microsecondsOf(eventId), this.#limits);
  }

  /** Sets a marker of a message. Not awaited: if it is lost, a repeat writes the same rows again. */
  async #mark(query: string, { conversationId, id }: Message): Promise<void> {
    const params = [conversationId, bucketOf(conversationId, id), id, microsecondsOf(id)];
    await this.#session
      .writes()
      .run(query, params)
      .catch(() => undefined);
  }
}

/** The failure of a write whose event became visible late, twice. */
function lateAgain(): StorageFailure {
  return new StorageFailure('outcome_unknown', { cause: new Error('the event became visible late') });
}
