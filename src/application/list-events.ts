import { canActAs, SERVICE, type Caller } from '../domain/caller.ts';
import {
  eventHash,
  advanceCursor,
  clampCursor,
  highestFloor,
  type EventCursor,
} from '../domain/event-cursor.ts';
import type { Event } from '../domain/event.ts';
import { coversChange, coversPosition, messageForMember, type Membership } from '../domain/group.ts';
import {
  isGroupId,
  type ConversationId,
  type EventId,
  type MessageId,
  type Position,
  type UserId,
} from '../domain/ids.ts';
import { contentBytesOf, type Message } from '../domain/message.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Microseconds } from '../domain/time.ts';
import { makeGetConversation, type ConversationSummary, type GetConversation } from './get-conversation.ts';
import { mapLimited } from './map-limited.ts';
import type { Clock } from './ports/clock.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { EventRepository } from './ports/event-repository.ts';
import type { GroupRepository } from './ports/group-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import { StorageFailure } from './ports/storage-failure.ts';
import { MAX_LOOKUPS, type MessageRepository } from './ports/message-repository.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';

export interface ListEventsQuery {
  readonly caller: Caller;
  readonly userId: UserId;
  /** Null for a client without a cursor: it gets a cursor for events from now on, and no events. */
  readonly cursor: EventCursor | null;
  /** 1–100. */
  readonly limit: number;
  /** The maximum content of the listed messages, in bytes; at least one event is listed. */
  readonly maxBytes: number;
  /** The maximum number of hashes in the returned cursor. */
  readonly maxHashes: number;
}

/** An event with its message or conversation, as it is when the event is listed. */
export type ReportedEvent = { readonly id: EventId } &
  /** The message as it is now: an event of a message that is deleted by now has no content. */
  (
    | { readonly type: 'message.created'; readonly message: Message }
    | { readonly type: 'message.edited'; readonly message: Message }
    | {
        readonly type: 'message.deleted';
        readonly conversationId: ConversationId;
        readonly messageId: MessageId;
      }
    | {
        readonly type: 'conversation.created' | 'conversation.updated';
        readonly summary: ConversationSummary;
      }
    | {
        readonly type: 'conversation.read';
        readonly conversationId: ConversationId;
        readonly readerId: UserId;
        readonly readUpTo: EventId;
      }
  );

export interface EventBatch {
  /**
   * Oldest first. An event is left out if its message or conversation no longer exists, or if the user does not
   * belong to the group at its place. Empty only if `isComplete`, if the cursor can hold no more hashes, or if ten
   * times `limit` events are left out, or as many as are read within a second.
   */
  readonly events: readonly ReportedEvent[];
  /** Continues with the events that were not listed yet. */
  readonly cursor: EventCursor;
  /** Whether the log was read to its end; otherwise more events may be listed at once, or once the floor has risen. */
  readonly isComplete: boolean;
}

/**
 * The events of a user that the cursor does not record as delivered, oldest first. An event is listed if it becomes
 * visible within the visibility window of its id, even if later events were listed before. The batch has at most as many
 * events above the floor as its cursor can hold, so a client that follows the cursors normally gets each event once.
 *
 * Needs a verified clock. Refuses with `events_of_another`, or with `cursor_expired` if the log does not reach back to the
 * cursor. A client without a cursor gets none in the visibility window after a log has begun, since its cursor would have
 * expired already: rejects with a `StorageFailure` (`unavailable`).
 */
export type ListEvents = (query: ListEventsQuery) => Promise<EventBatch>;

/** Refuses with `events_of_another` unless `caller` may read the events of `userId`. */
export function requireOwnEvents(caller: Caller, userId: UserId): void {
  if (!canActAs(caller, userId)) {
    throw new Refusal('events_of_another', 'A user may only read their own events.');
  }
}

/** The maximum rows that one query of the log returns; see `EventRepository.listAfter`. */
const MAX_ROWS = 1_000;

/** The maximum number of batches that one call reads until one of them is not empty. */
const MAX_BATCHES = 10;

/** The time after which it reads no further batch, so that it has a result within the request timeout. */
const MAX_READ_TIME: Microseconds = 1_000_000;

export function makeListEvents(deps: {
  events: EventRepository;
  messages: MessageRepository;
  conversations: ConversationRepository;
  groups: GroupRepository;
  readPositions: ReadPositionRepository;
  messageIds: MessageIds;
  clock: Pick<Clock, 'now'>;
  visibilityWindow: Microseconds;
}): ListEvents {
  const { messages, groups } = deps;
  const getConversation = makeGetConversation(deps);
  /** A batch, which may be empty before the end of the log; `onlyLeftOut` if all of its events were left out. */
  async function listOnce({
    userId,
    cursor,
    limit,
    maxBytes,
    maxHashes,
  }: ListEventsQuery): Promise<EventBatch & { readonly onlyLeftOut: boolean }> {
    // Taken before the log is read: events that become visible afterwards have ids above it.
    const highest = highestFloor(deps.clock.now(), deps.visibilityWindow);
    const from = clampCursor(cursor ?? { floor: highest, delivered: new Set() }, highest);
    // For a client without a cursor, all existing events count as delivered.
    const maxFresh = cursor === null ? Infinity : limit;
    const read = await readLog(deps.events, userId, { from, highest, maxHashes, limit: maxFresh });
    // Checked after the read, since the log may have expired above the cursor meanwhile.
    if (from.floor < deps.events.completeSince()) {
      if (cursor === null) {
        throw new StorageFailure('unavailable', { cause: new Error('the event log has just begun') });
      }
      throw new Refusal(
        'cursor_expired',
        'The event log no longer reaches back to this cursor: list the conversations again.',
      );
    }
    const fresh = cursor === null ? [] : read.passed.filter(({ id }) => !from.delivered.has(eventHash(id)));
    const { reported, next } = await report({ messages, groups, getConversation, userId }, fresh, maxBytes);
    // The first event that did not fit, and all events after it, are left for the next call.
    const end = next === null ? read.passed.length : read.passed.indexOf(next);
    const passed = read.passed.slice(0, end).map(({ id }) => id);
    const isComplete = read.isEnd && next === null;
    const newest = reported.at(-1);
    if (newest !== undefined) deps.messageIds.observe(newest.id);
    return {
      events: reported,
      cursor: advanceCursor(from, { passed, isEnd: isComplete, highest }),
      isComplete,
      onlyLeftOut: !isComplete && reported.length === 0 && fresh.length > 0,
    };
  }

  return async (query) => {
    requireOwnEvents(query.caller, query.userId);
    const until = deps.clock.now() + MAX_READ_TIME;
    let { onlyLeftOut, ...batch } = await listOnce(query);
    for (let batches = 1; onlyLeftOut && batches < MAX_BATCHES && deps.clock.now() < until; batches += 1) {
      ({ onlyLeftOut, ...batch } = await listOnce({ ...query, cursor: batch.cursor }));
    }
    return batch;
  };
}

/**
 * The events of the log above the floor of `from`, in order, delivered or not. It stops at the end of the log, after
 * `limit` undelivered events, or when the next cursor can hold no more hashes.
 */
async function readLog(
  events: EventRepository,
  userId: UserId,
  query: { from: EventCursor; highest: Position; maxHashes: number; limit: number },
): Promise<{ passed: Event[]; isEnd: boolean }> {
  const { from, highest, maxHashes, limit } = query;
  const passed: Event[] = [];
  const size = Math.min(limit + from.delivered.size + 1, MAX_ROWS);
  let fresh = 0;
  /** The number of hashes that the next cursor has to hold. */
  let hashes = from.delivered.size;
  for (;;) {
    const part = await events.listAfter(userId, passed.at(-1)?.id ?? from.floor, size);
    for (const event of part) {
      const needsHash = event.id > highest;
      if (from.delivered.has(eventHash(event.id))) {
        if (!needsHash) hashes -= 1;
      } else {
        if (fresh === limit || (needsHash && hashes >= maxHashes)) return { passed, isEnd: false };
        fresh += 1;
        if (needsHash) hashes += 1;
      }
      passed.push(event);
    }
    if (part.length < size) return { passed, isEnd: true };
  }
}

interface ReportDeps {
  readonly messages: MessageRepository;
  readonly groups: GroupRepository;
  readonly getConversation: GetConversation;
  /** The owner of the log. */
  readonly userId: UserId;
}

/**
 * Loads the messages and conversations of `events` in small batches, up to `maxBytes` of content but at least one event.
 * `next` is the first event that is left out because of its size.
 */
async function report(
  deps: ReportDeps,
  events: readonly Event[],
  maxBytes: number,
): Promise<{ reported: ReportedEvent[]; next: Event | null }> {
  const reported: ReportedEvent[] = [];
  let bytes = 0;
  for (let at = 0; at < events.length; at += MAX_LOOKUPS) {
    const some = events.slice(at, at + MAX_LOOKUPS);
    const reports = await reportsOf(deps, some);
    for (const [index, event] of some.entries()) {
      const report = reports[index] ?? null;
      if (report === null) continue;
      bytes += 'message' in report ? contentBytesOf(report.message) : 0;
      if (bytes > maxBytes && reported.length > 0) return { reported, next: event };
      reported.push(report);
    }
  }
  return { reported, next: null };
}

function reportsOf(
  { messages, groups, getConversation, userId }: ReportDeps,
  events: readonly Event[],
): Promise<(ReportedEvent | null)[]> {
  const idsByConversation = new Map<ConversationId, MessageId[]>();
  for (const event of events) {
    if (event.type !== 'message.created' && event.type !== 'message.edited') continue;
    const { conversationId, messageId } = event;
    idsByConversation.set(conversationId, [...(idsByConversation.get(conversationId) ?? []), messageId]);
  }
  const messagesOf = memoized((id) => messages.find(id, [...new Set(idsByConversation.get(id))]));
  const membershipOf = memoized((id) => groups.findMembership(id, userId));
  const summaryOf = memoized((conversationId) => {
    // An event of the user's own log: a conversation of two is one of the user's.
    const caller: Caller = isGroupId(conversationId) ? { kind: 'user', userId } : SERVICE;
    return getConversation({ caller, conversationId }).catch(nullIfRefused);
  });
  return mapLimited(events, async (event): Promise<ReportedEvent | null> => {
    const { id, conversationId } = event;
    const isGroup = isGroupId(conversationId);
    const own = isGroup ? await membershipOf(conversationId) : null;
    if (isGroup && (own === null || !isForMember(event, own))) return null;
    switch (event.type) {
      case 'message.created':
      case 'message.edited': {
        const current = (await messagesOf(conversationId)).find((one) => one.id === event.messageId);
        const message = current === undefined ? null : messageForMember(current, own);
        return message === null ? null : { id, type: event.type, message };
      }
      case 'message.deleted':
        return { id, type: event.type, conversationId, messageId: event.messageId };
      case 'conversation.created':
      case 'conversation.updated':
      case 'conversation.left': {
        const summary = await summaryOf(conversationId);
        if (summary === null) return null;
        const isNew = event.type === 'conversation.created';
        return { id, type: isNew ? 'conversation.created' : 'conversation.updated', summary };
      }
      case 'conversation.read': {
        const { readerId, readUpTo } = event;
        return { id, type: event.type, conversationId, readerId, readUpTo };
      }
    }
  });
}

/** Whether an event in the log of a member or former member of a group is for this user, see `coversPosition`. */
function isForMember(event: Event, membership: Membership): boolean {
  switch (event.type) {
    case 'message.created':
      return coversPosition(membership, event.messageId);
    case 'message.edited':
    case 'message.deleted':
      return coversChange(membership, event.messageId, event.id);
    case 'conversation.created':
      // The event of joining, or a later one that repeats it.
      return event.id === membership.joined || coversPosition(membership, event.id);
    case 'conversation.updated':
      return coversPosition(membership, event.id);
    case 'conversation.left':
      return membership.left !== null && event.id >= membership.left;
    case 'conversation.read':
      return true;
  }
}

/** Calls `load` once for each conversation. */
function memoized<Loaded>(
  load: (id: ConversationId) => Promise<Loaded>,
): (id: ConversationId) => Promise<Loaded> {
  const loaded = new Map<ConversationId, Promise<Loaded>>();
  return (id) => {
    const known = loaded.get(id) ?? load(id);
    loaded.set(id, known);
    return known;
  };
}

function nullIfRefused(error: unknown): null {
  if (error instanceof Refusal) return null;
  throw error;
}
