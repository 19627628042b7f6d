import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import type { ConversationRepository } from '../../src/application/ports/conversation-repository.ts';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { participantsOf, type Conversation, type InboxEntry } from '../../src/domain/conversation.ts';
import type { ConversationId, IdempotencyKey, MessageId, Position, UserId } from '../../src/domain/ids.ts';
import { previewOf, type Message } from '../../src/domain/message.ts';
import type { Slice } from '../../src/domain/page.ts';
import { messageIdAt, type Microseconds } from '../../src/domain/time.ts';

/** Users and messages for the checks. All ids are fresh, so that checks do not affect each other. */

export const MILLISECOND: Microseconds = 1_000;
export const SECOND = 1_000 * MILLISECOND;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The time of most checks: long ago, so that code that uses the host's clock fails. */
export const NOON: Microseconds = Date.UTC(2025, 5, 15, 12) * MILLISECOND;

/** The host's time. */
export function now(): Microseconds {
  return Date.now() * MILLISECOND;
}

export function freshUser(): UserId {
  return `user-${randomUUID()}` as UserId;
}

export function freshUsers(): [UserId, UserId] {
  return [freshUser(), freshUser()];
}

export function freshKey(): IdempotencyKey {
  return `key-${randomUUID()}` as IdempotencyKey;
}

/** A fresh id at `time`; the default `thousandth` is random. */
export function idAt(time: Microseconds, thousandth = randomInt(1000)): MessageId {
  return messageIdAt(time, thousandth, randomUUID().replaceAll('-', '').slice(0, 13));
}

/** The conversation of `users`, created at `created`. */
export function conversationOf(users: readonly UserId[], created: MessageId): Conversation {
  const participants = participantsOf(...users);
  return { id: conversationIdOf(participants), participants, created };
}

/** The id of the conversation of `users`. */
export function conversationIdFor(...users: readonly UserId[]): ConversationId {
  return conversationIdOf(participantsOf(...users));
}

/**
 * An append request for a message, marked as an import, so that its position does not depend on the time of the
 * check.
 */
export function appendRequest(
  [senderId, receiverId]: readonly [UserId, UserId],
  id: MessageId,
  content = 'Hello',
  idempotencyKey: IdempotencyKey | null = null,
): AppendRequest {
  const participants = participantsOf(senderId, receiverId);
  const conversationId = conversationIdOf(participants);
  return {
    message: { id, conversationId, senderId, receiverId, content, editId: null, deletionId: null },
    participants,
    idempotencyKey,
    isLive: false,
  };
}

/** How `inboxSlice` shows a conversation whose newest message is that of the request. */
export function rowOf({ message, participants }: AppendRequest): InboxEntry {
  const { id, conversationId, senderId, content } = message;
  return {
    conversationId,
    participants,
    lastEventId: id,
    lastMessage: { messageId: id, senderId, preview: previewOf(content) },
    readUpTo: null,
  };
}

/** How `inboxSlice` shows a conversation without messages. */
export function emptyRowOf({ id, participants, created }: Conversation): InboxEntry {
  return { conversationId: id, participants, lastEventId: created, lastMessage: null, readUpTo: null };
}

/** A slice of an inbox without its read positions, which have a contract of their own. */
export async function inboxSlice(
  conversations: ConversationRepository,
  userId: UserId,
  slice: Slice,
): Promise<InboxEntry[]> {
  const entries = await conversations.listByUser(userId, slice);
  return entries.map((entry) => ({ ...entry, readUpTo: null }));
}

/** The position of an entry in an inbox. */
export function positionOf({ lastEventId }: InboxEntry): Position {
  return lastEventId;
}

/** `items` in random order. */
export function shuffled<Item>(items: readonly Item[]): Item[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(randomInt(rest.length), 1));
}

/** A slice of the newest `limit` items. */
export function top(limit: number): Slice {
  return { before: null, offset: 0, limit };
}

/** Appends `appendRequests` through both processes in turn, `width` at a time. */
export async function appendAll(
  processes: readonly [Storage, Storage],
  appendRequests: readonly AppendRequest[],
  width = 32,
): Promise<void> {
  const append = (one: AppendRequest, index: number) =>
    processes[index % 2 === 0 ? 0 : 1].messages.append(one);
  await forEachConcurrently(appendRequests, append, width);
}

/** Runs `work` for all `items`, `width` concurrently, and yields to the event loop in between. */
export async function forEachConcurrently<Item>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<unknown>,
  width = 32,
): Promise<void> {
  const rest = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of rest) {
      await work(item, index);
      await turn();
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Repeats `look` while `work` is in progress, and once more after it. */
export async function checkWhile(work: Promise<unknown>, check: () => Promise<void>): Promise<void> {
  let done = false;
  const checking = async (): Promise<void> => {
    while (!done) {
      await check();
      await turn();
    }
    await check();
  };
  await Promise.all([work.finally(() => (done = true)), checking()]);
}

/** All items of a walk by pages of `size` from the top to the end; `between` runs after each page. */
export async function walk<Item>(
  list: (slice: Slice) => Promise<readonly Item[]>,
  placeOf: (item: Item) => Position,
  size: number,
  between?: (page: readonly Item[]) => Promise<void>,
): Promise<Item[]> {
  const seen: Item[] = [];
  let before: Position | null = null;
  for (;;) {
    const page = await list({ before, offset: 0, limit: size });
    seen.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < size) return seen;
    assert.ok(seen.length < 300, 'a walk from page to page does not end');
    before = placeOf(last);
    await between?.(page);
  }
}

/** The message ids, to compare many messages. */
export function idsOf(messages: readonly Message[]): MessageId[] {
  return messages.map(({ id }) => id);
}
