import { canActAs, SERVICE, type Caller } from '../domain/caller.ts';
import {
  eventHash,
  advanceCursor,
  clampCursor,
  highestFloor,
  type EventCursor,
} from '../domain/event-cursor.ts';
import type { Event } from '../domain/event.ts';
import type { ConversationId, EventId, MessageId, Position, UserId } from '../domain/ids.ts';
import { contentBytesOf, type Message } from '../domain/message.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Microseconds } from '../domain/time.ts';
import { makeGetConversation, type ConversationSummary, type GetConversation } from './get-conversation.ts';
import type { Clock } from './ports/clock.ts';
import type { ConversationRepository } from './ports/conversation-repository.ts';
import type { EventRepository } from './ports/event-repository.ts';
import type { MessageIds } from './ports/message-ids.ts';
import { MAX_LOOKUPS, type MessageRepository } from './ports/message-repository.ts';
import type { ReadPositionRepository } from './ports/read-position-repository.ts';

export interface ListEventsQuery {
  readonly caller: Caller;
  readonly userId: UserId;
  /** Null for a client that begins: it gets a cursor for what happens from now on, and no events. */
  readonly cursor: EventCursor | null;
  /** 1–100. */
  readonly limit: number;
  /** The most content of messages that is listed, in bytes; one event is listed at least. */
  readonly maxBytes: number;
  /** The most hashes that the cursor of the answer may hold. */
  readonly maxHashes: number;
}

/** An event with what it reports, as it is when the event is listed. */
export type ReportedEvent = { readonly id: EventId } & (
  | { readonly type: 'message.created'; readonly message: Message }
  | { readonly type: 'conversation.created'; readonly summary: ConversationSummary }
  | {
      readonly type: 'conversation.read';
      readonly conversationId: ConversationId;
      readonly readerId: UserId;
      readonly readUpTo: EventId;
    }
);

export interface EventBatch {
  /** Oldest first. An event whose message or conversation is gone is left out. */
  readonly events: readonly ReportedEvent[];
  /** For what was not listed yet. */
  readonly cursor: EventCursor;
  /** Whether the log was read to its end; otherwise more may be listed at once, or as soon as the floor has risen. */
  readonly isComplete: boolean;
}

/**
 * The events of a user that the cursor does not say to have been delivered, oldest first. An event is listed whenever it
 * becomes visible within the visibility window of its id, however many later ones were listed before. The answer lists no
 * more events above the floor than its cursor can hold, so following cursors delivers an event once, in the ordinary case.
 *
 * Needs a verified clock. Refuses with `events_of_another`; or with `cursor_expired`, where the log does not reach back to the
 * cursor.
 */
export type ListEvents = (query: ListEventsQuery) => Promise<EventBatch>;

/** Rows that one query of the log brings at the most; see `EventRepository.listAfter`. */
const MOST_ROWS = 1_000;

export function makeListEvents(deps: {
  events: EventRepository;
  messages: MessageRepository;
  conversations: ConversationRepository;
  readPositions: ReadPositionRepository;
  messageIds: MessageIds;
  clock: Pick<Clock, 'now'>;
  visibilityWindow: Microseconds;
}): ListEvents {
  const { messages } = deps;
  const getConversation = makeGetConversation(deps);
  return async ({ caller, userId, cursor, limit, maxBytes, maxHashes }) => {
    if (!canActAs(caller, userId)) {
      throw new Refusal('events_of_another', 'The events of a user are shown to that user alone.');
    }
    // Before the log is read: what becomes visible afterwards has an id above it.
    const highest = highestFloor(deps.clock.now(), deps.visibilityWindow);
    const from = clampCursor(cursor ?? { floor: highest, delivered: new Set() }, highest);
    // For a client that begins, all that is there counts as delivered.
    const most = cursor === null ? Infinity : limit;
    const read = await readLog(deps.events, userId, { from, highest, maxHashes, limit: most });
    // After the read, since the log may have begun to expire above the cursor meanwhile.
    if (cursor !== null && from.floor < deps.events.completeSince()) {
      throw new Refusal('cursor_expired', 'The log of events does not reach back to this cursor: list anew.');
    }
    const fresh = cursor === null ? [] : read.passed.filter(({ id }) => !from.delivered.has(eventHash(id)));
    const { reported, next } = await report({ messages, getConversation }, fresh, maxBytes);
    // What did not fit is left for the next time, with all that follows it.
    const end = next === null ? read.passed.length : read.passed.indexOf(next);
    const passed = read.passed.slice(0, end).map(({ id }) => id);
    const isComplete = read.isEnd && next === null;
    const newest = reported.at(-1);
    if (newest !== undefined) deps.messageIds.observe(newest.id);
    return {
      events: reported,
      cursor: advanceCursor(from, { passed, isEnd: isComplete, highest }),
      isComplete,
    };
  };
}

/**
 * The events of the log above the floor of `from`, in order, delivered or not: up to its end, or to where `limit` events
 * were not delivered, or the next cursor could hold no more hashes.
 */
async function readLog(
  events: EventRepository,
  userId: UserId,
  query: { from: EventCursor; highest: Position; maxHashes: number; limit: number },
): Promise<{ passed: Event[]; isEnd: boolean }> {
  const { from, highest, maxHashes, limit } = query;
  const passed: Event[] = [];
  const size = Math.min(limit + from.delivered.size + 1, MOST_ROWS);
  let fresh = 0;
  /** Those that the next cursor has to hold. */
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

/**
 * What `events` report, read a few at a time, up to `maxBytes` of content but for one event at least. `next` is the first that is
 * left out for its size.
 */
async function report(
  deps: { messages: MessageRepository; getConversation: GetConversation },
  events: readonly Event[],
  maxBytes: number,
): Promise<{ reported: ReportedEvent[]; next: Event | null }> {
  const reported: ReportedEvent[] = [];
  let bytes = 0;
  for (let at = 0; at < events.length; at += MAX_LOOKUPS) {
    const some = events.slice(at, at + MAX_LOOKUPS);
    const reports = await Promise.all(reportsOf(deps, some));
    for (const [index, event] of some.entries()) {
      const report = reports[index] ?? null;
      if (report === null) continue;
      bytes += report.type === 'message.created' ? contentBytesOf(report.message) : 0;
      if (bytes > maxBytes && reported.length > 0) return { reported, next: event };
      reported.push(report);
    }
  }
  return { reported, next: null };
}

function reportsOf(
  { messages, getConversation }: { messages: MessageRepository; getConversation: GetConversation },
  events: readonly Event[],
): Promise<ReportedEvent | null>[] {
  const idsByConversation = new Map<ConversationId, MessageId[]>();
  for (const event of events) {
    if (event.type !== 'message.created') continue;
    const { conversationId, messageId } = event;
    idsByConversation.set(conversationId, [...(idsByConversation.get(conversationId) ?? []), messageId]);
  }
  const found = new Map(
    [...idsByConversation].map(([id, messageIds]) => [id, messages.find(id, [...new Set(messageIds)])]),
  );
  return events.map(async (event) => {
    const { id, conversationId } = event;
    switch (event.type) {
      case 'message.created': {
        const message = (await found.get(conversationId))?.find((one) => one.id === event.messageId);
        return message === undefined ? null : { id, type: event.type, message };
      }
      case 'conversation.created': {
        // The log is the user's own, so that nobody is shown the conversation of others.
        const summary = await getConversation({ caller: SERVICE, conversationId }).catch(nullIfRefused);
        return summary === null ? null : { id, type: event.type, summary };
      }
      case 'conversation.read': {
        const { readerId, readUpTo } = event;
        return { id, type: event.type, conversationId, readerId, readUpTo };
      }
    }
  });
}

function nullIfRefused(error: unknown): null {
  if (error instanceof Refusal) return null;
  throw error;
}
