import fc from 'fast-check';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { openCassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { ReportedEvent } from '../../src/application/list-events.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { SERVICE, type Caller } from '../../src/domain/caller.ts';
import type { EventCursor } from '../../src/domain/event-cursor.ts';
import type { ConversationId, MessageId, Position, UserId } from '../../src/domain/ids.ts';
import type { Message } from '../../src/domain/message.ts';
import { Refusal } from '../../src/domain/refusal.ts';
import { freshUser } from '../contracts/fixtures.ts';
import { guardedLog } from '../support/log-leak-guard.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { useCasesOver } from '../support/use-cases.ts';
import { freshKeyspace } from './cluster.ts';

/**
 * The same random commands in a group, in Cassandra and in memory: all users get the same events, with cursors from any time,
 * and the same pages, also those that begin where they were before a membership ended. Nobody sees a message from outside the
 * membership.
 */

// One process has one source of ids.
const clock = makeClock();
const messageIds = makeMessageIds({ clock });

let options: CassandraOptions;
beforeAll(async () => {
  options = await freshKeyspace();
});

const PEOPLE = 5;
const person = fc.nat(PEOPLE - 1);
const by = fc.oneof(
  { weight: 2, arbitrary: fc.constant('service' as const) },
  { weight: 1, arbitrary: person },
);

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...(['send', 'send', 'send', 'edit', 'delete', 'add', 'add', 'remove', 'remove', 'rename'] as const),
      ...(['mark', 'follow', 'follow', 'begin', 'pages', 'inbox', 'conversation', 'message'] as const),
    ),
    by,
    who: person,
    message: fc.nat(20),
    limit: fc.integer({ min: 1, max: 6 }),
    page: fc.option(fc.integer({ min: 1, max: 3 })),
  }),
  { minLength: 10, maxLength: 60, size: 'max' },
);
type Step = typeof steps extends fc.Arbitrary<(infer One)[]> ? One : never;

/** Plays `script` on `storage`. Resolves with all answers, in which no id and no time remains. */
async function answersOf(storage: Storage, script: readonly Step[]): Promise<unknown[]> {
  const useCases = useCasesOver(storage, { clock, messageIds });
  const users = Array.from({ length: PEOPLE }, freshUser).sort();
  const [creator = expect.fail()] = users;
  const userOf = (n: number): UserId => users[n] ?? expect.fail();
  const callerOf = (one: number | 'service'): Caller =>
    one === 'service' ? SERVICE : { kind: 'user', userId: userOf(one) };
  const nameOf = (userId: UserId): number => users.indexOf(userId);
  const created = await useCases.createGroup({
    caller: SERVICE,
    creatorId: creator,
    participantIds: users.slice(0, 3),
    name: 'Group',
    idempotencyKey: null,
  });
  const conversationId: ConversationId = created.conversation.id;
  const sent: MessageId[] = [];
  const cursors = new Map<number, EventCursor>();
  const places = new Map<number, Position | null>();

  /** The numbers of the messages that each user may see: from the first up to, and without, the second. */
  const seen = new Map<number, readonly [number, number]>([0, 1, 2].map((who) => [who, [0, Infinity]]));
  const requireSeen = (who: number, number: number): void => {
    const [first, end] = seen.get(who) ?? [0, 0];
    expect(number).toBeGreaterThanOrEqual(first);
    expect(number).toBeLessThan(end);
  };

  const shownMessage = ({ id, senderId, content, editId, deletionId }: Message, who: number | null) => {
    const number = sent.indexOf(id);
    if (who !== null) requireSeen(who, number);
    const changes = { isEdited: editId !== null, isDeleted: deletionId !== null };
    return { number, sender: nameOf(senderId), content, ...changes };
  };
  const shownEvent = (event: ReportedEvent, who: number): object => {
    switch (event.type) {
      case 'message.created':
      case 'message.edited':
        return { type: event.type, message: shownMessage(event.message, who) };
      case 'message.deleted':
        requireSeen(who, sent.indexOf(event.messageId));
        return { type: event.type, number: sent.indexOf(event.messageId) };
      case 'conversation.read':
        return { type: event.type, reader: nameOf(event.readerId) };
      case 'conversation.created':
      case 'conversation.updated': {
        const { conversation, lastMessage } = event.summary;
        return {
          type: event.type,
          members: conversation.participants.map(nameOf),
          name: conversation.group?.name,
          lastMessage: lastMessage && shownMessage(lastMessage, who),
        };
      }
    }
  };

  const follow = async (who: number, cursor: EventCursor | null, limit: number) => {
    const bounds = { limit, maxBytes: 1_000_000, maxHashes: 500 };
    const batch = await useCases.listEvents({
      caller: callerOf(who),
      userId: userOf(who),
      cursor,
      ...bounds,
    });
    cursors.set(who, batch.cursor);
    return batch.events.map((event) => shownEvent(event, who));
  };
  for (const who of users.keys()) await follow(who, null, 1);

  const play = async ({ kind, by: one, who, message, limit, page }: Step): Promise<unknown> => {
    const caller = callerOf(one);
    const reader = callerOf(who);
    const userId = userOf(who);
    const messageId = sent[message % Math.max(sent.length, 1)] ?? (conversationId as string as MessageId);
    const content = `text ${sent.length} ${message}`;
    switch (kind) {
      case 'send': {
        const request = { caller, senderId: userId, conversationId, content, idempotencyKey: null };
        const { message: done, recipients } = await useCases.sendToConversation(request);
        sent.push(done.id);
        return { recipients: recipients.map(nameOf) };
      }
      case 'edit':
        return shownMessage(
          (await useCases.editMessage({ caller, conversationId, messageId, content })).message,
          null,
        );
      case 'delete':
        await useCases.deleteMessage({ caller, conversationId, messageId });
        return 'deleted';
      case 'add': {
        const { conversation } = await useCases.addMember({ caller, conversationId, userId });
        if (seen.get(who)?.[1] !== Infinity) seen.set(who, [sent.length, Infinity]);
        return conversation.participants.map(nameOf);
      }
      case 'remove': {
        const { notified } = await useCases.removeMember({ caller, conversationId, userId });
        const [first, end] = seen.get(who) ?? expect.fail();
        seen.set(who, [first, Math.min(end, sent.length)]);
        return notified.map(nameOf);
      }
      case 'rename':
        return (await useCases.renameGroup({ caller, conversationId, name: content })).conversation.group
          ?.name;
      case 'mark': {
        const mark = await useCases.markRead({ caller: reader, userId, conversationId, upTo: messageId });
        return sent.indexOf(mark.readUpTo as MessageId);
      }
      case 'begin':
        return follow(who, null, limit);
      case 'follow':
        return follow(who, cursors.get(who) ?? null, limit);
      case 'pages': {
        // From the top, and from where an earlier page of this user has ended.
        const pages: unknown[] = [];
        for (const before of [null, places.get(who) ?? null]) {
          const request = { caller: reader, conversationId, before, limit, page };
          const { items, next } = await useCases.listMessagesBefore(request);
          places.set(who, next);
          pages.push(
            items.map((item) => shownMessage(item, who)),
            next !== null && sent.indexOf(next as MessageId),
          );
        }
        return pages;
      }
      case 'inbox': {
        const request = { caller: reader, userId, before: null, limit, page, unreadCounts: true };
        const { items } = await useCases.listConversations(request);
        for (const { lastMessage } of items) {
          if (lastMessage !== null) requireSeen(who, sent.indexOf(lastMessage.messageId));
        }
        return items.map(({ lastMessage, unread, unreadCount, name, membership }) => ({
          number: lastMessage && sent.indexOf(lastMessage.messageId),
          preview: lastMessage?.preview,
          unread,
          unreadCount,
          name,
          isLeft: membership?.left !== null,
        }));
      }
      case 'conversation': {
        const { conversation, lastMessage } = await useCases.getConversation({
          caller: reader,
          conversationId,
        });
        return [
          conversation.participants.map(nameOf),
          conversation.group?.name,
          lastMessage && shownMessage(lastMessage, who),
        ];
      }
      case 'message':
        return shownMessage(await useCases.getMessage({ caller: reader, conversationId, messageId }), who);
    }
  };

  const answers: unknown[] = [];
  const ends: Step[] = [...users.keys()].map((who) => ({
    kind: 'follow',
    by: who,
    who,
    message: 0,
    limit: 100,
    page: null,
  }));
  for (const step of [...script, ...ends]) {
    const answer = await play(step).catch((error: unknown) => {
      if (error instanceof Refusal) return error.code;
      throw error;
    });
    answers.push({ step, answer });
  }
  return answers;
}

test('members and former members get the same events and pages from Cassandra as from memory', async () => {
  const storage = openCassandraStorage({ options, clock, messageIds, log: guardedLog });
  onTestFinished(() => storage.close());
  await storage.started;
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      expect(await answersOf(storage, script)).toEqual(
        await answersOf(memoryStorage({ clock, messageIds }), script),
      );
    }),
    { numRuns: 30 },
  );
}, 240_000);
