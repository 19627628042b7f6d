import { types } from 'cassandra-driver';
import { expect, test } from 'vitest';
import {
  CassandraConversationRepository,
  findConversation,
} from '../../src/adapters/cassandra/conversation-repository.ts';
import { nameOf, type Row, type Session, type Statement } from '../../src/adapters/cassandra/session.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import { conversationOf, freshUsers, HOUR, idAt, NOON } from '../contracts/fixtures.ts';

const live = { isLive: true };

/** A repository over rows that it has written, at a time that a test moves; `failing` users have no storage. */
function starting() {
  const users = freshUsers();
  const conversation = conversationOf(users, idAt(NOON));
  const at = { now: NOON };
  const failing = new Set<unknown>();
  const slow = { by: 0 };
  const events: unknown[][] = [];
  const statements: string[] = [];
  let started = false;
  const rows: Record<string, Row> = {};
  const run = (query: string, params: readonly unknown[]): Promise<void> => {
    statements.push(nameOf(query));
    if (failing.has(params[0])) return Promise.reject(new StorageFailure('outcome_unknown'));
    if (query.includes('started')) started = true;
    if (query.includes('INTO events_by_user')) {
      events.push([params[0], params[2]]);
      at.now += slow.by;
    }
    return Promise.resolve();
  };
  const session = {
    writes: () => ({
      read: (query: string, [userId]: readonly unknown[]) =>
        Promise.resolve(query.includes('started') ? [{ started }] : [rows[String(userId)] ?? []].flat()),
      run,
      batches: (parts: readonly (readonly Statement[])[]) =>
        Promise.all(parts.flat().map(({ query, params }) => run(query, params))).then(() => undefined),
      all: (parallel: readonly Promise<void>[]) => Promise.all(parallel).then(() => undefined),
    }),
  } as unknown as Session;
  const conversations = new CassandraConversationRepository({
    session,
    clock: { latest: () => at.now },
    messageIds: makeMessageIds({ clock: { now: () => at.now } }),
    retry: { track: () => undefined },
    inbox: undefined as never,
    limits: { requestTimeout: 5_000_000, maxClockSkew: 2_000_000 },
    eventLog: { daysToKeep: 30 },
  });
  const newsOf = (userId: unknown) =>
    events.filter(([owner]) => owner === userId).map(([, id]) => String(id));
  return { conversations, conversation, at, failing, slow, rows, statements, newsOf };
}

test('a repeat that completes a start which failed before is reported under a new event, once', async () => {
  const { conversations, conversation, at, failing, newsOf } = starting();
  const [anna, ben] = conversation.participants;
  failing.add(ben);
  await expect(conversations.start(conversation, live)).rejects.toMatchObject({ kind: 'outcome_unknown' });
  failing.clear();
  at.now += HOUR;
  await conversations.start(conversation, live);
  const [first, news] = newsOf(ben);
  expect(first).toBe(conversation.created);
  expect(microsecondsOf(news as never)).toBeGreaterThanOrEqual(NOON + HOUR);
  expect(newsOf(anna)).toContain(news);
  await conversations.start(conversation, live);
  expect(new Set(newsOf(ben))).toEqual(new Set([first, news]));
});

test('a start whose second event is late as well is not acknowledged, and its repeat adds another event', async () => {
  const { conversations, conversation, at, slow, newsOf } = starting();
  at.now += HOUR;
  slow.by = HOUR;
  await expect(conversations.start(conversation, live)).rejects.toMatchObject({ kind: 'outcome_unknown' });
  slow.by = 0;
  await conversations.start(conversation, live);
  expect(new Set(newsOf(conversation.participants[0])).size).toBe(3);
});

test('where a user has a message of the conversation, a late start is not reported', async () => {
  const { conversations, conversation, at, rows, newsOf } = starting();
  const [anna = '', ben = ''] = conversation.participants;
  const message = idAt(NOON + 1);
  rows[anna] = {
    conversation_id: conversation.id,
    participants: conversation.participants,
    last_activity: new types.Tuple(message, message, message, anna, 'Hello'),
  } as unknown as Row;
  at.now += HOUR;
  await conversations.start(conversation, live);
  expect([newsOf(anna).length, newsOf(ben).length]).toEqual([1, 2]);
});

test('a start in time reads nothing, and marks that it is complete', async () => {
  const { conversations, conversation, statements } = starting();
  await conversations.start(conversation, live);
  expect(statements).toEqual([
    'INSERT conversations',
    ...Array.from({ length: 2 }, () => ['INSERT conversations_by_user', 'INSERT events_by_user']).flat(),
    'INSERT conversations',
  ]);
});

test('a row with only the marker `started` is not a conversation', async () => {
  const row = { participants: null, created: null } as unknown as Row;
  const session = { read: () => Promise.resolve([row]) } as unknown as Session;
  expect(await findConversation(session, starting().conversation.id)).toBeNull();
});
