import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import {
  lastMessageOf,
  participantsOf,
  type Conversation,
  type Participants,
} from '../../domain/conversation.ts';
import { isLate, type LatenessLimits } from '../../domain/event.ts';
import { coversPosition, type Membership } from '../../domain/group.ts';
import {
  isGroupId,
  type ConversationId,
  type EventId,
  type MessageId,
  type UserId,
} from '../../domain/ids.ts';
import type { Message } from '../../domain/message.ts';
import { microsecondsOf } from '../../domain/time.ts';
import { conversationRow, findConversation, startRows } from './conversation-repository.ts';
import type { EventLogState } from './event-log-state.ts';
import {
  findAllMembers,
  findGroup,
  findMember,
  findMembersAt,
  isOlder,
  joinRows,
  leaveRows,
  restoreMembership,
  type StoredGroup,
} from './group-repository.ts';
import { HistoryReader } from './history.ts';
import { findEntries, findOwnMembership, type InboxRow } from './inbox.ts';
import { agreeOnLateEvent, findLateEvent, findLateEvents, lateMessageRow } from './late-events.ts';
import {
  bucketRow,
  deletionRows,
  findStored,
  inboxAndEventRows,
  type StoredMessage,
} from './message-repository.ts';
import type { Session, Writes } from './session.ts';
import { firstWriteWins } from './time-buckets.ts';

/**
 * The invariants between the tables, and their repairs. Each function inspects one subject and returns its
 * inconsistencies. A repair repeats the service's own idempotent writes with the original ids and times, so it never
 * overwrites later sends and moves no conversation that was at the right position.
 */

const LISTED_BUCKET = `
  SELECT bucket FROM buckets_by_conversation WHERE conversation_id = ? AND bucket = ?`;

/**
 * Reads the events by their ids, not by the range from the first to the last id: between them, the log of a busy user has
 * many events of other conversations.
 */
const EVENTS = `
  SELECT event_id FROM events_by_user WHERE user_id = ? AND places = true AND event_id IN ?`;

const LISTED_LATE_EVENT = `
  SELECT event_id FROM late_messages_by_conversation WHERE conversation_id = ? AND event_id = ?`;

/** The kinds of inconsistency, each described for the summary. */
export const INCONSISTENCIES = {
  bucket_not_listed: 'buckets with messages that are not listed',
  conversation_missing: 'conversations without a row in conversations',
  conversation_created_late: 'conversations created after their oldest message',
  event_missing: "messages without an event in a participant's log",
  inbox_row_missing: "conversations with messages that are missing in a participant's inbox",
  inbox_row_behind: 'inbox rows whose last event is older than the newest message',
  inbox_row_differs:
    'inbox rows that differ from the message they name, as it is after its edits and its deletion',
  last_message_missing: 'inbox rows that name a message that does not exist',
  last_event_missing: 'inbox rows whose last event is missing in the log',
  start_incomplete: "empty conversations that are missing in a participant's inbox",
  membership_incomplete: "memberships that are missing in the user's inbox",
  membership_lost: "memberships in a user's inbox that are missing in the group",
  deletion_lost: 'messages that are not deleted, although an event log has their deletion',
  late_event_missing: "late events that are missing in a participant's inbox or log",
  late_event_not_listed: 'late events that are not listed for the count of unread messages',
  late_message_missing: 'late events that name a message that does not exist',
  in_future: 'messages, inbox rows and late events with an id in the future',
} as const;

export type InconsistencyKind = keyof typeof INCONSISTENCIES;

/** One contradiction between rows. It contains ids, but no message content. */
export interface Inconsistency {
  readonly kind: InconsistencyKind;
  readonly conversationId: ConversationId;
  /** The user whose inbox or log is affected; null if none is. */
  readonly userId: UserId | null;
  /** The id of the message, the start or the late event that the rows should show, or that they name. */
  readonly messageId: EventId;
  /** Repeats the missing writes; null if no write of the service can repair it. */
  readonly repair: ((writes: Writes) => Promise<void>) | null;
}

/** The dependencies of inspections and repairs. */
export interface InspectionDeps {
  readonly session: Session;
  readonly clock: Clock;
  readonly eventLog: EventLogState;
  readonly messageIds: MessageIds;
  /** The limits of the service. */
  readonly limits: LatenessLimits;
}

/** Consecutive messages of one bucket. */
export interface MessageRange {
  readonly conversationId: ConversationId;
  readonly bucket: number;
  /** The same for all messages of a conversation of two; empty in a group, whose members are read. */
  readonly participants: Participants;
  readonly newest: MessageId;
  readonly oldest: MessageId;
  /** The messages whose events are inspected, newest first. */
  readonly ids: readonly MessageId[];
  /** Whether `newest` is the newest message of the bucket; the bucket and the inboxes are inspected with this range. */
  readonly isNewest: boolean;
  /** Whether `oldest` is the oldest message of the bucket; the conversation is inspected with this range. */
  readonly isOldest: boolean;
}

/** A row of `late_events`. */
export interface LateEvent {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly eventId: EventId;
}

/**
 * Inspects messages: their bucket is listed; their conversation has a row and was not created after them; each
 * participant's inbox entry is at the newest of them or later; and each participant's log has an event of each, within
 * the retention. For two participants this takes two queries for the events of a range, and four for each bucket. In a
 * group, the messages of each member and former member are those that the membership covers, and each inbox is inspected
 * with each range.
 */
export async function inspectMessages(deps: InspectionDeps, range: MessageRange): Promise<Inconsistency[]> {
  const { session, eventLog } = deps;
  const { conversationId, bucket, participants, newest, oldest, isNewest, isOldest } = range;
  const start = eventLog.start();
  const group = isGroupId(conversationId) ? await findGroup(session, conversationId) : undefined;
  const readers = await readersOf(deps, range, group);
  const [listed, conversation, inboxes, withoutEvent] = await Promise.all([
    isNewest ? session.read(LISTED_BUCKET, [conversationId, bucket]) : null,
    isOldest && group === undefined ? findConversation(session, conversationId) : undefined,
    Promise.all(
      readers.map(({ userId, newest }) =>
        newest === null ? Promise.resolve([]) : findEntries(session, userId, [conversationId]),
      ),
    ),
    Promise.all(
      readers.map(({ userId, ids }) => {
        const logged = ids.filter((id) => id > start);
        return findWithoutEvent(deps, conversationId, userId, logged);
      }),
    ),
  ]);

  const found: Inconsistency[] = [];
  if (listed?.length === 0) {
    const { query, params } = bucketRow(conversationId, newest);
    const repair: Inconsistency['repair'] = (writes) => writes.run(query, params);
    found.push({ kind: 'bucket_not_listed', conversationId, userId: null, messageId: newest, repair });
  }
  // Compares write timestamps, not ids: of two starts with the same timestamp Cassandra keeps the larger id.
  if (
    conversation === null ||
    (conversation !== undefined && firstWriteWins(oldest).greaterThan(firstWriteWins(conversation.created)))
  ) {
    const kind = conversation === null ? 'conversation_missing' : 'conversation_created_late';
    const { query, params } = conversationRow({ id: conversationId, participants, created: oldest });
    const repair: Inconsistency['repair'] = (writes) => writes.run(query, params);
    found.push({ kind, conversationId, userId: null, messageId: oldest, repair });
  }
  if (group === null) {
    found.push({
      kind: 'conversation_missing',
      conversationId,
      userId: null,
      messageId: oldest,
      repair: null,
    });
  }
  const showRepair =
    (id: MessageId, userId: UserId): Inconsistency['repair'] =>
    (writes) =>
      showMessage(deps, conversationId, { id, eventId: id }, userId, writes);
  // Oldest first: of several messages that get late events, the newest gets the latest event.
  for (const id of range.ids.toReversed()) {
    for (const [index, { userId }] of readers.entries()) {
      if (withoutEvent[index]?.has(id) !== true) continue;
      const repair = showRepair(id, userId);
      found.push({ kind: 'event_missing', conversationId, userId, messageId: id, repair });
    }
  }
  for (const [index, { userId, newest }] of readers.entries()) {
    const entry = inboxes[index]?.[0];
    if (newest === null || (entry !== undefined && entry.lastEventId >= newest)) continue;
    const kind = entry === undefined ? 'inbox_row_missing' : 'inbox_row_behind';
    found.push({ kind, conversationId, userId, messageId: newest, repair: showRepair(newest, userId) });
  }
  return found;
}

/** A user who has the messages `ids` of a range. */
interface Reader {
  readonly userId: UserId;
  readonly ids: readonly MessageId[];
  /** The message that the inbox must show, or a later one; null if the inbox is not inspected with this range. */
  readonly newest: MessageId | null;
}

async function readersOf(
  { session }: InspectionDeps,
  { participants, ids, newest, isNewest }: MessageRange,
  group: StoredGroup | null | undefined,
): Promise<readonly Reader[]> {
  if (group === undefined) {
    return participants.map((userId) => ({ userId, ids, newest: isNewest ? newest : null }));
  }
  if (group === null) return [];
  return (await findAllMembers(session, group)).map((member) => {
    const covered = ids.filter((id) => coversPosition(member, id));
    return { userId: member.userId, ids: covered, newest: covered[0] ?? null };
  });
}

/**
 * Inspects inbox rows of one user: the message that each names exists and has the same data; an empty conversation has
 * its row; and the last event is in the log, within the retention. It takes one query for each row, and one for all
 * last events that are not a message's own event; `inspectMessages` looks for a message's own event.
 */
export async function inspectInboxRows(
  deps: InspectionDeps,
  userId: UserId,
  entries: readonly InboxRow[],
): Promise<Inconsistency[]> {
  const start = deps.eventLog.start();
  const events = entries
    .filter(({ lastEventId, lastMessage }) => lastEventId !== lastMessage?.messageId && lastEventId > start)
    .map(({ lastEventId }) => lastEventId);
  const logged = findEvents(deps, userId, events);
  const inspected = entries.map(async (entry): Promise<Inconsistency[]> => {
    const { conversationId, lastEventId, lastMessage } = entry;
    const [stored, conversation, present] = await Promise.all([
      lastMessage === null ? null : findStored(deps.session, conversationId, lastMessage.messageId),
      lastMessage === null ? findStart(deps, conversationId) : undefined,
      logged,
    ]);
    const about = { conversationId, userId, messageId: lastMessage?.messageId ?? lastEventId };
    if (isInFuture(deps, lastEventId)) return [{ ...about, kind: 'in_future', repair: null }];
    if (lastMessage !== null && stored === null) {
      return [{ ...about, kind: 'last_message_missing', repair: null }];
    }
    const repair: Inconsistency['repair'] = (writes) => writes.batch(rowsOf(deps, userId, entry, stored));
    const found: Inconsistency[] = [];
    if (conversation === null) {
      const { query, params } = conversationRow(startOf(entry));
      found.push({
        ...about,
        kind: 'conversation_missing',
        repair: isGroupId(conversationId) ? null : (writes) => writes.run(query, params),
      });
    }
    if (
      stored !== null &&
      !shows(entry, stored.message) &&
      !(await isEditedAfterLeaving(deps, userId, stored.message))
    ) {
      found.push({ ...about, kind: 'inbox_row_differs', repair });
    }
    if (events.includes(lastEventId) && !present.has(lastEventId)) {
      found.push({ ...about, kind: 'last_event_missing', repair });
    }
    return found;
  });
  return (await Promise.all(inspected)).flat();
}

/** The conversation of two, or the group; null if it does not exist. */
function findStart({ session }: InspectionDeps, id: ConversationId): Promise<object | null> {
  return isGroupId(id) ? findGroup(session, id) : findConversation(session, id);
}

/** Whether a message was edited after `userId` has left its group: the user's inbox keeps the earlier content then. */
async function isEditedAfterLeaving(
  { session }: InspectionDeps,
  userId: UserId,
  { conversationId, editId }: Message,
): Promise<boolean> {
  if (editId === null || !isGroupId(conversationId)) return false;
  const left = (await findOwnMembership(session, userId, conversationId))?.membership?.left ?? null;
  return left !== null && left < editId;
}

/** The membership of a user in the user's own inbox. */
export interface InboxMembership {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly membership: Membership;
}

/**
 * Inspects the membership in an inbox: the group has it, too, or a later one. It takes one query, and another one for a user
 * who left before the last 64.
 */
export async function inspectMembership(
  { session }: Pick<InspectionDeps, 'session'>,
  { conversationId, userId, membership }: InboxMembership,
): Promise<Inconsistency[]> {
  const group = await findGroup(session, conversationId);
  // Without its row a group can't be restored: the messages and the inbox rows that name it are found by other inspections.
  if (group === null || !isOlder(await findMember(session, group, userId), membership)) return [];
  const messageId = membership.left ?? membership.joined;
  const repair: Inconsistency['repair'] = (writes) =>
    restoreMembership(writes, conversationId, userId, membership);
  return [{ kind: 'membership_lost', conversationId, userId, messageId, repair }];
}

/** A deletion in the event log of a user. */
export interface LoggedDeletion {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly messageId: MessageId;
  readonly deletionId: EventId;
}

/**
 * Inspects a deletion in an event log: the message is deleted. A deletion is stored before its events, so one that is only in
 * a log was undone by a restore. It takes one query.
 */
export async function inspectDeletion(
  { session }: Pick<InspectionDeps, 'session'>,
  { conversationId, userId, messageId, deletionId }: LoggedDeletion,
): Promise<Inconsistency[]> {
  const stored = await findStored(session, conversationId, messageId);
  if (stored?.message.deletionId !== null) return [];
  const repair: Inconsistency['repair'] = (writes) =>
    writes.batch(deletionRows(conversationId, messageId, deletionId));
  return [{ kind: 'deletion_lost', conversationId, userId, messageId, repair }];
}

/**
 * Inspects a group: the inbox of each member and former member has the membership. It takes one query for each of them.
 */
export async function inspectGroup(deps: InspectionDeps, group: StoredGroup): Promise<Inconsistency[]> {
  const { id: conversationId, name } = group;
  const { daysToKeep } = deps.eventLog;
  const members = await findAllMembers(deps.session, group);
  const inspected = members.map(async ({ userId, joined, left }): Promise<Inconsistency[]> => {
    const own = (await findOwnMembership(deps.session, userId, conversationId))?.membership ?? null;
    // A later one is found by the inspection of the inbox.
    if (!isOlder(own, { joined, left })) return [];
    const messageId = left ?? joined;
    const membership = { joined, left, nameAtLeaving: name };
    const rows =
      left === null
        ? joinRows(conversationId, userId, joined, joined, daysToKeep)
        : leaveRows(conversationId, userId, membership, left, daysToKeep);
    const repair: Inconsistency['repair'] = (writes) => writes.batch(rows);
    return [{ kind: 'membership_incomplete', conversationId, userId, messageId, repair }];
  });
  return (await Promise.all(inspected)).flat();
}

/**
 * Inspects an empty conversation: it is in each participant's inbox. A conversation with messages is inspected with
 * them. It takes one query for each participant.
 */
export async function inspectConversation(
  deps: InspectionDeps,
  conversation: Conversation,
): Promise<Inconsistency[]> {
  const { id: conversationId, participants, created } = conversation;
  const inboxes = await Promise.all(
    participants.map((userId) => findEntries(deps.session, userId, [conversationId])),
  );
  const without = participants.filter((_, index) => inboxes[index]?.length === 0);
  if (without.length === 0) return [];
  const newest = await new HistoryReader(deps).read(conversationId, { before: null, offset: 0, limit: 1 });
  if (newest.length > 0) return [];
  return without.map((userId) => ({
    kind: 'start_incomplete',
    conversationId,
    userId,
    messageId: created,
    repair: (writes) => writes.batch(startRows(conversation, userId, deps.eventLog.daysToKeep)),
  }));
}

/**
 * Inspects a late event: it is listed for the count of unread messages; each participant's inbox entry is at it or later;
 * and each participant's log has it, within the retention. It takes six queries for two participants.
 */
export async function inspectLateEvent(deps: InspectionDeps, late: LateEvent): Promise<Inconsistency[]> {
  const { conversationId, messageId, eventId } = late;
  const about = { conversationId, userId: null, messageId };
  if (isInFuture(deps, eventId)) return [{ ...about, kind: 'in_future', repair: null }];
  const stored = await findStored(deps.session, conversationId, messageId);
  if (stored === null) return [{ ...about, kind: 'late_message_missing', repair: null }];
  const listed = deps.session.read(LISTED_LATE_EVENT, [conversationId, eventId]);
  const inspected = (await recipientsOf(deps, stored.message)).map(
    async (userId): Promise<Inconsistency[]> => {
      const { isBehind, isWithoutEvent } = await findVisibility(deps, conversationId, userId, eventId);
      if (!isBehind && !isWithoutEvent) return [];
      const repair: Inconsistency['repair'] = (writes) =>
        showMessage(deps, conversationId, { id: messageId, eventId }, userId, writes);
      return [{ ...about, kind: 'late_event_missing', userId, repair }];
    },
  );
  const [rows, ...found] = await Promise.all([listed, ...inspected]);
  if (rows.length > 0) return found.flat();
  const { query, params } = lateMessageRow(stored.message, eventId);
  const repair: Inconsistency['repair'] = (writes) => writes.run(query, params);
  return [{ ...about, kind: 'late_event_not_listed', repair }, ...found.flat()];
}

/** Inspects an id: it is not in the future (`isInFuture`). There is no repair for such a message. */
export function inspectTime(
  deps: Pick<InspectionDeps, 'clock' | 'limits'>,
  conversationId: ConversationId,
  messageId: MessageId,
): Inconsistency[] {
  if (!isInFuture(deps, messageId)) return [];
  return [{ kind: 'in_future', conversationId, userId: null, messageId, repair: null }];
}

/** Whether `id` is later than any id that a process with an allowed clock can have made so far. */
export function isInFuture(
  { clock, limits }: Pick<InspectionDeps, 'clock' | 'limits'>,
  id: EventId,
): boolean {
  return microsecondsOf(id) > clock.latest() + limits.maxClockSkew;
}

/**
 * Shows a message to `userId` under `eventId`, if it is missing in the inbox or the log.
 *
 * If the message is older than the visibility window and its receiver has never got it, it gets a late event, which
 * clients receive as new and which moves the conversation up. This is the case if the log, complete at that time, has no
 * event of the message, and the inbox names only older messages. In every other case the missing rows are written with
 * `eventId`, so nothing moves and nothing becomes unread: the inbox names the message or a later one, so it is visible;
 * or the log has its event, so clients got it; or the send was acknowledged as complete; or the user sent it; or it is
 * deleted; or the log does not reach back so far.
 */
async function showMessage(
  deps: InspectionDeps,
  conversationId: ConversationId,
  { id, eventId }: { readonly id: MessageId; readonly eventId: EventId },
  userId: UserId,
  writes: Writes,
): Promise<void> {
  const stored = await findStored(deps.session, conversationId, id);
  if (stored === null) return;
  const { message, isDelivered } = stored;
  const late = await findLateEvent(deps.session, conversationId, id);
  const visibility = await findVisibility(deps, conversationId, userId, eventId, late ?? eventId);
  // It was repaired meanwhile: by the service, or by the repair of another inconsistency of the same message.
  if (!visibility.isBehind && !visibility.isWithoutEvent) return;
  // If an older message got a late event, the inbox entry is at that event, which is later than this message.
  const isHidden = visibility.isBehind || visibility.lastMessageId === null || visibility.lastMessageId < id;
  const isUnseen = isHidden && visibility.isWithoutEvent && !isDelivered && userId !== message.senderId;
  if (isUnseen && message.deletionId === null && isLateNow(deps, eventId)) {
    await publishLate(deps, message, writes);
  } else {
    const participants = participantsOfPair(message);
    await writes.batch(inboxAndEventRows(message, participants, eventId, userId, deps.eventLog.daysToKeep));
  }
}

/** The participants of a conversation of two; empty in a group. */
function participantsOfPair({ senderId, receiverId }: Message): Participants {
  return receiverId === null ? [] : participantsOf(senderId, receiverId);
}

/** The users who have a message. */
async function recipientsOf({ session }: InspectionDeps, message: Message): Promise<Participants> {
  const { id, conversationId, receiverId } = message;
  return receiverId === null ? findMembersAt(session, conversationId, id) : participantsOfPair(message);
}

/** Shows `message` to all participants as new, under its late event, like a send that completes late. */
async function publishLate(deps: InspectionDeps, message: Message, writes: Writes): Promise<void> {
  const participants = await recipientsOf(deps, message);
  let eventId: EventId;
  do {
    eventId = await agreeOnLateEvent(
      { messageIds: deps.messageIds, isLate: (event) => isLateNow(deps, event) },
      message,
      writes,
    );
    // Read after the agreement: an edit or a deletion that did not find this event is found here.
    const stored = await findStored(writes, message.conversationId, message.id);
    const current = stored?.message ?? message;
    const rows = participants.map((userId) =>
      writes.batch(inboxAndEventRows(current, participants, eventId, userId, deps.eventLog.daysToKeep)),
    );
    await writes.all(rows);
  } while (isLateNow(deps, eventId));
}

function isLateNow({ clock, limits }: InspectionDeps, eventId: EventId): boolean {
  return isLate(clock.latest() - microsecondsOf(eventId), limits);
}

/**
 * Whether a user's inbox and log show `eventId`: `isBehind` if the inbox entry is missing or older; `isWithoutEvent` if
 * the log is complete at that time and has neither `eventId` nor `lateEventId`.
 */
async function findVisibility(
  deps: InspectionDeps,
  conversationId: ConversationId,
  userId: UserId,
  eventId: EventId,
  lateEventId: EventId = eventId,
): Promise<{
  readonly isBehind: boolean;
  readonly isWithoutEvent: boolean;
  /** The message that the inbox names. */
  readonly lastMessageId: MessageId | null;
}> {
  const [[entry], logged] = await Promise.all([
    findEntries(deps.session, userId, [conversationId]),
    findEvents(deps, userId, [eventId, lateEventId]),
  ]);
  return {
    isBehind: entry === undefined || entry.lastEventId < eventId,
    isWithoutEvent: eventId > deps.eventLog.start() && logged.size === 0,
    lastMessageId: entry?.lastMessage?.messageId ?? null,
  };
}

/** The messages of `ids` for which the log of `userId` has neither their own event nor their late event. */
async function findWithoutEvent(
  deps: InspectionDeps,
  conversationId: ConversationId,
  userId: UserId,
  ids: readonly MessageId[],
): Promise<ReadonlySet<MessageId>> {
  const logged = await findEvents(deps, userId, ids);
  const without = ids.filter((id) => !logged.has(id));
  if (without.length === 0) return new Set();
  const late = await findLateEvents(deps.session, conversationId, without);
  const loggedLate = await findEvents(deps, userId, [...late.values()]);
  return new Set(
    without.filter((id) => {
      const event = late.get(id);
      return event === undefined || !loggedLate.has(event);
    }),
  );
}

/** The events of `ids` that are in the log of `userId`. */
async function findEvents(
  { session }: InspectionDeps,
  userId: UserId,
  ids: readonly EventId[],
): Promise<ReadonlySet<EventId>> {
  if (ids.length === 0) return new Set();
  const rows = await session.read(EVENTS, [userId, ids]);
  return new Set(rows.map((row) => String(row['event_id']) as EventId));
}

/** The rows that restore `entry` at its own event. */
function rowsOf(deps: InspectionDeps, userId: UserId, entry: InboxRow, stored: StoredMessage | null) {
  const { daysToKeep } = deps.eventLog;
  const { conversationId, lastEventId } = entry;
  if (stored === null && isGroupId(conversationId)) {
    return joinRows(conversationId, userId, lastEventId, lastEventId, daysToKeep);
  }
  if (stored === null) return startRows(startOf(entry), userId, daysToKeep);
  const participants = participantsOfPair(stored.message);
  return inboxAndEventRows(stored.message, participants, entry.lastEventId, userId, daysToKeep);
}

/** The empty conversation that `entry` shows. */
function startOf({ conversationId, participants, lastEventId }: InboxRow) {
  return { id: conversationId, participants, created: lastEventId };
}

function shows({ lastMessage, participants }: InboxRow, message: Message): boolean {
  return (
    lastMessage?.senderId === message.senderId &&
    lastMessage.preview === lastMessageOf(message).preview &&
    participants.join() === participantsOfPair(message).join()
  );
}
