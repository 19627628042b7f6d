import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { types, type Client } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClient, sessionOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { conversationRow, startRows } from '../../src/adapters/cassandra/conversation-repository.ts';
import { EventLogState } from '../../src/adapters/cassandra/event-log-state.ts';
import {
  emptyConversationRow,
  findEntries,
  lastActivityRow,
  NIL,
} from '../../src/adapters/cassandra/inbox.ts';
import { INCONSISTENCIES } from '../../src/adapters/cassandra/inspection.ts';
import { lateMessageRow } from '../../src/adapters/cassandra/late-events.ts';
import {
  bucketRow,
  deletionRows,
  editRow,
  inboxAndEventRows,
} from '../../src/adapters/cassandra/message-repository.ts';
import { makeSession, type Session, type Statement } from '../../src/adapters/cassandra/session.ts';
import type { CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { bucketOf } from '../../src/adapters/cassandra/time-buckets.ts';
import {
  INITIAL_PROGRESS,
  verify,
  type Finding,
  type Progress,
} from '../../src/adapters/cassandra/verify.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { AppendRequest } from '../../src/application/ports/message-repository.ts';
import { ALWAYS_VERIFIED, ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import type { Message } from '../../src/domain/message.ts';
import { latenessLimits } from '../../src/domain/event.ts';
import type { ConversationId, EventId, MessageId, UserId } from '../../src/domain/ids.ts';
import { microsecondsOf } from '../../src/domain/time.ts';
import {
  appendAll,
  conversationOf,
  DAY,
  freshKey,
  freshUser,
  freshUsers,
  idAt,
  MINUTE,
  NOON,
  now,
  appendRequest,
  SECOND,
  conversationIdFor,
} from '../contracts/fixtures.ts';
import { freshKeyspace, openStorage } from './cluster.ts';

const CONTENT = 'what nobody else may read';

const clock = makeClock();
const ids = makeMessageIds({ clock });

/** All rows that a send writes, so that each can be omitted. */
function rowsOf({ message, participants }: AppendRequest) {
  const { id, conversationId, senderId, receiverId, content } = message;
  const news = (userId: UserId, eventId: EventId = id) =>
    inboxAndEventRows(message, participants, eventId, userId, options.eventRetentionDays);
  return {
    bucket: bucketRow(conversationId, id),
    conversation: conversationRow({ id: conversationId, participants, created: id }),
    message: {
      query: `
        INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, sender_id, receiver_id, content)
        VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`,
      params: [
        conversationId,
        bucketOf(conversationId, id),
        id,
        senderId,
        receiverId,
        content,
        microsecondsOf(id),
      ],
    },
    news,
    inboxRow: (userId: UserId, eventId: EventId = id) =>
      lastActivityRow(message, participants, eventId, userId),
    event: (userId: UserId, eventId: EventId = id) => news(userId, eventId).slice(1),
    /** Its two rows: the agreed one and the listing. */
    lateEvent: (eventId: EventId) => [
      {
        query: 'INSERT INTO late_events (conversation_id, message_id, event_id) VALUES (?, ?, ?)',
        params: [conversationId, id, eventId],
      },
      lateMessageRow(message, eventId),
    ],
  };
}

let options: CassandraOptions;
let client: Client;
let session: Session;
let storage: CassandraStorage;

beforeAll(async () => {
  // A separate keyspace, because a scan reads a whole keyspace.
  options = await freshKeyspace();
  client = makeClient(options);
  await client.connect();
  session = makeSession(client, () => true, sessionOptions(options));
  storage = await openStorage(options);
});

afterAll(async () => {
  await storage.close();
  await client.shutdown();
});

async function write(...statements: readonly Statement[]): Promise<void> {
  const writes = session.writes();
  for (const { query, params } of statements) await writes.run(query, params);
}

interface Scanned {
  readonly findings: readonly Finding[];
  readonly progress: Progress;
}

const NEVER = new AbortController().signal;

/** A scan with minimal waits; `each` gets its progress and decides whether to stop. */
async function scan(
  deps: Partial<Parameters<typeof verify>[0]> = {},
  each: (progress: Progress) => boolean | Promise<boolean> = () => false,
): Promise<Scanned> {
  const findings: Finding[] = [];
  const { eventRetentionDays } = options;
  const defaults = {
    session,
    clock,
    eventLog: new EventLogState({ clock, retentionDays: eventRetentionDays }),
    messageIds: ids,
    clockCheck: ALWAYS_VERIFIED,
    limits: latenessLimits(options),
    from: INITIAL_PROGRESS,
    rowsPerSecond: 1e6,
    parallel: 2,
    settleMs: 100,
    repair: false,
    signal: NEVER,
    found: (finding: Finding) => findings.push(finding),
  };
  let progress: Progress = INITIAL_PROGRESS;
  for await (progress of verify({ ...defaults, ...deps })) {
    if (await each(progress)) break;
  }
  return { findings, progress };
}

function keyOf({ kind, userId, messageId }: Pick<Finding, 'kind' | 'userId' | 'messageId'>): string {
  return `${kind} ${userId} ${messageId}`;
}

function about(conversationId: ConversationId, { findings }: Scanned): Finding[] {
  return findings
    .filter((finding) => finding.conversationId === conversationId)
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Damage and the expected findings: the kind, the owner of the inbox or log, and the message. */
interface Damage {
  readonly conversationId: ConversationId;
  readonly expected: readonly (readonly [Finding['kind'], UserId | null, EventId])[];
  /** The expected findings of a repair, if one repair also fixes another finding. */
  readonly repaired?: Damage['expected'];
}

/** Two users, ascending, and two messages of one bucket from the first to the second. */
function fixture() {
  const users = freshUsers().sort();
  const one = appendRequest(users, idAt(NOON), CONTENT);
  const two = appendRequest(users, idAt(NOON + MINUTE), CONTENT);
  return { users, one, two, conversationId: one.message.conversationId };
}

const REPAIRABLE: Record<string, () => Promise<Damage>> = {
  'a message in a bucket that is not listed': async () => {
    const { users, one, conversationId } = fixture();
    const later = appendRequest(users, idAt(NOON + 90 * DAY), CONTENT);
    await storage.messages.append(one);
    const { message, news } = rowsOf(later);
    await write(message, ...users.flatMap((userId) => news(userId)));
    return { conversationId, expected: [['bucket_not_listed', null, later.message.id]] };
  },

  'a conversation without its row': async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, message, news } = rowsOf(one);
    await write(bucket, message, ...users.flatMap((userId) => news(userId)));
    return { conversationId, expected: [['conversation_missing', null, one.message.id]] };
  },

  'an empty conversation without its row': async () => {
    const me = freshUser();
    const conversation = conversationOf([me], idAt(NOON));
    await write(...startRows(conversation, me, options.eventRetentionDays));
    return {
      conversationId: conversation.id,
      expected: [['conversation_missing', me, conversation.created]],
    };
  },

  'a conversation created after its first message': async () => {
    const { users, one, two, conversationId } = fixture();
    const { bucket, message, news } = rowsOf(one);
    await write(bucket, message, ...users.flatMap((userId) => news(userId)));
    await storage.messages.append(two);
    return { conversationId, expected: [['conversation_created_late', null, one.message.id]] };
  },

  'a message without an inbox row and an event of its receiver': async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, conversation, message, news } = rowsOf(one);
    await write(bucket, conversation, message, ...news(users[0]));
    return {
      conversationId,
      expected: [
        ['event_missing', users[1], one.message.id],
        ['inbox_row_missing', users[1], one.message.id],
      ],
    };
  },

  'a message without an inbox row': async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, conversation, message, news, event } = rowsOf(one);
    await write(bucket, conversation, message, ...news(users[0]), ...event(users[1]));
    return { conversationId, expected: [['inbox_row_missing', users[1], one.message.id]] };
  },

  'the newest message without an event': async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, conversation, message, news, inboxRow } = rowsOf(one);
    await write(bucket, conversation, message, ...news(users[0]), inboxRow(users[1]));
    return { conversationId, expected: [['event_missing', users[1], one.message.id]] };
  },

  'an older message without an event': async () => {
    const { users, one, two, conversationId } = fixture();
    const { bucket, conversation, message, news } = rowsOf(one);
    await write(bucket, conversation, message, ...news(users[0]));
    await storage.messages.append(two);
    return { conversationId, expected: [['event_missing', users[1], one.message.id]] };
  },

  'a message without an event among hundreds': async () => {
    const { users } = fixture();
    const many = Array.from({ length: 250 }, (_, n) =>
      appendRequest(users, idAt(NOON + n * SECOND), CONTENT),
    );
    const missing = [7, 120, 249].map((index) => many[index]!);
    const { conversationId } = missing[0]!.message;
    await appendAll(
      [storage, storage],
      many.filter((request) => !missing.includes(request)),
    );
    for (const request of missing) {
      const { message, inboxRow } = rowsOf(request);
      await write(message, ...users.map((userId) => inboxRow(userId)));
    }
    return {
      conversationId,
      expected: missing.flatMap(({ message }) =>
        users.map((userId): Damage['expected'][number] => ['event_missing', userId, message.id]),
      ),
    };
  },

  'a message that was stored and shown nowhere': async () => {
    const { users, one, conversationId } = fixture();
    const { message } = rowsOf(one);
    await write(message);
    return {
      conversationId,
      expected: [
        ['bucket_not_listed', null, one.message.id],
        ['conversation_missing', null, one.message.id],
        ['event_missing', users[0], one.message.id],
        ['event_missing', users[1], one.message.id],
        ['inbox_row_missing', users[0], one.message.id],
        ['inbox_row_missing', users[1], one.message.id],
      ],
    };
  },

  'a note to oneself that is shown nowhere': async () => {
    const me = freshUser();
    const note = appendRequest([me, me], idAt(NOON), CONTENT);
    const { bucket, conversation, message } = rowsOf(note);
    await write(bucket, conversation, message);
    return {
      conversationId: note.message.conversationId,
      expected: [
        ['event_missing', me, note.message.id],
        ['inbox_row_missing', me, note.message.id],
      ],
    };
  },

  'an inbox row that is behind': async () => {
    const { users, one, two, conversationId } = fixture();
    await storage.messages.append(one);
    const { message, news, event } = rowsOf(two);
    await write(message, ...news(users[0]), ...event(users[1]));
    return { conversationId, expected: [['inbox_row_behind', users[1], two.message.id]] };
  },

  'an inbox that shows a conversation as empty which is not': async () => {
    const { users, one, conversationId } = fixture();
    await storage.conversations.start(conversationOf(users, idAt(NOON - MINUTE)));
    const { bucket, message, news, event } = rowsOf(one);
    await write(bucket, message, ...news(users[1]), ...event(users[0]));
    return { conversationId, expected: [['inbox_row_behind', users[0], one.message.id]] };
  },

  // In the next three the wrong value is smaller than the right one, which therefore wins with the same timestamp.
  'an inbox row with another preview': async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, conversation, message, news, event } = rowsOf(one);
    await write(bucket, conversation, message, ...event(users[0]), ...news(users[1]));
    await write(inboxRowLike(one, users[0], { preview: '' }));
    return { conversationId, expected: [['inbox_row_differs', users[0], one.message.id]] };
  },

  'an inbox row with another sender': async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, conversation, message, news, event } = rowsOf(one);
    await write(bucket, conversation, message, ...event(users[0]), ...news(users[1]));
    await write(inboxRowLike(one, users[0], { senderId: '' }));
    return { conversationId, expected: [['inbox_row_differs', users[0], one.message.id]] };
  },

  'an inbox row with other participants': async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, conversation, message, news } = rowsOf(one);
    const others = inboxAndEventRows(
      one.message,
      [users[0]],
      one.message.id,
      users[0],
      options.eventRetentionDays,
    );
    await write(bucket, conversation, message, ...others, ...news(users[1]));
    return { conversationId, expected: [['inbox_row_differs', users[0], one.message.id]] };
  },

  'inbox rows that show a message as it was before its edit': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    await write(editRow(conversationId, one.message.id, idAt(NOON + DAY), 'edited'));
    return {
      conversationId,
      expected: users.map((userId) => ['inbox_row_differs', userId, one.message.id]),
    };
  },

  'an inbox row that shows an earlier edit, at a late event': async () => {
    const { users, one, conversationId } = fixture();
    const live = { ...one, isLive: true };
    await storage.messages.append(live);
    const { id: messageId } = one.message;
    const change = { conversationId, messageId, participants: one.participants };
    await storage.messages.edit({ ...change, editId: idAt(NOON + DAY), content: 'edited' });
    await write(editRow(conversationId, messageId, idAt(NOON + 2 * DAY), 'edited again'));
    return { conversationId, expected: users.map((userId) => ['inbox_row_differs', userId, messageId]) };
  },

  'inbox rows that show the content of a deleted message': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    await write(...deletionRows(conversationId, one.message.id, idAt(NOON + DAY)));
    return {
      conversationId,
      expected: users.map((userId) => ['inbox_row_differs', userId, one.message.id]),
    };
  },

  'a deleted message without an inbox row and an event of its receiver': async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, conversation, message, news } = rowsOf(one);
    await write(bucket, conversation, message, ...news(users[0]));
    await write(...deletionRows(conversationId, one.message.id, idAt(NOON + DAY)));
    return {
      conversationId,
      // The repair of the messages shows it to the receiver as deleted.
      expected: [
        ['event_missing', users[1], one.message.id],
        ['inbox_row_differs', users[0], one.message.id],
        ['inbox_row_missing', users[1], one.message.id],
      ],
    };
  },

  'an empty conversation without the event of its start': async () => {
    const users = freshUsers();
    const conversation = conversationOf(users, idAt(NOON));
    await write(
      conversationRow(conversation),
      emptyConversationRow(conversation, users[0]),
      ...startRows(conversation, users[1], options.eventRetentionDays),
    );
    return {
      conversationId: conversation.id,
      expected: [['last_event_missing', users[0], conversation.created]],
    };
  },

  'an inbox row at a late event that is not in the log': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    const { lateEvent, news, inboxRow } = rowsOf(one);
    const late = ids.next();
    await write(...lateEvent(late), ...news(users[0], late), inboxRow(users[1], late));
    return {
      conversationId,
      repaired: [['last_event_missing', users[1], one.message.id]],
      expected: [
        ['last_event_missing', users[1], one.message.id],
        ['late_event_missing', users[1], one.message.id],
      ],
    };
  },

  'a start that reached no inbox': async () => {
    const users = freshUsers().sort();
    const conversation = conversationOf(users, idAt(NOON));
    await write(conversationRow(conversation));
    return {
      conversationId: conversation.id,
      expected: users.map((userId) => ['start_incomplete', userId, conversation.created]),
    };
  },

  'a start that reached one inbox': async () => {
    const users = freshUsers();
    const conversation = conversationOf(users, idAt(NOON));
    await write(
      conversationRow(conversation),
      ...startRows(conversation, users[0], options.eventRetentionDays),
    );
    return {
      conversationId: conversation.id,
      expected: [['start_incomplete', users[1], conversation.created]],
    };
  },

  'a late event that reached nobody': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    await write(...rowsOf(one).lateEvent(ids.next()));
    return {
      conversationId,
      expected: users.map((userId) => ['late_event_missing', userId, one.message.id]),
    };
  },

  'a late event that reached nobody and is late itself by now': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    await write(...rowsOf(one).lateEvent(idAt(NOON + MINUTE)));
    return {
      conversationId,
      expected: users.map((userId) => ['late_event_missing', userId, one.message.id]),
    };
  },

  'a late event that is not listed': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    const { lateEvent, news } = rowsOf(one);
    const late = ids.next();
    const [agreed] = lateEvent(late);
    await write(agreed!, ...news(users[0], late), ...news(users[1], late));
    return { conversationId, expected: [['late_event_not_listed', null, one.message.id]] };
  },

  'a late event that moved no inbox row': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    const { lateEvent, news, event } = rowsOf(one);
    const late = ids.next();
    await write(...lateEvent(late), ...event(users[0], late), ...news(users[1], late));
    return { conversationId, expected: [['late_event_missing', users[0], one.message.id]] };
  },
};

/** A last-activity cell with any content, at the time of the message. */
function inboxRowLike(
  { message, participants }: AppendRequest,
  userId: UserId,
  { senderId = message.senderId as string, preview = message.content },
): Statement {
  const { id, conversationId } = message;
  const cell = new types.Tuple(id, '00000000-0000-0000-0000-000000000000', id, senderId, preview);
  return {
    query: `INSERT INTO conversations_by_user (user_id, conversation_id, participants, last_activity)
     VALUES (?, ?, ?, ?) USING TIMESTAMP ?`,
    params: [userId, conversationId, participants, cell, microsecondsOf(id)],
  };
}

const NOT_REPAIRABLE: Record<string, () => Promise<Damage>> = {
  'an inbox row that names a message which does not exist': async () => {
    const { users, one, two, conversationId } = fixture();
    await storage.messages.append(one);
    await write(...rowsOf(two).news(users[1]));
    return { conversationId, expected: [['last_message_missing', users[1], two.message.id]] };
  },

  'a late event whose message does not exist': async () => {
    const { one, two, conversationId } = fixture();
    await storage.messages.append(one);
    await write(...rowsOf(two).lateEvent(ids.next()));
    return { conversationId, expected: [['late_message_missing', null, two.message.id]] };
  },

  'a message from the future, and the inbox rows that it moved': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    const future = appendRequest(users, idAt(now() + 3_650 * DAY), CONTENT);
    await storage.messages.append(future);
    return {
      conversationId,
      expected: [
        ['in_future', users[0], future.message.id],
        ['in_future', users[1], future.message.id],
        ['in_future', null, future.message.id],
      ],
    };
  },

  // Completing it would also place it above every later message of the conversation in the inbox.
  'a message from the future that is shown nowhere': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    const future = appendRequest(users, idAt(now() + DAY), CONTENT);
    await write(rowsOf(future).message);
    return { conversationId, expected: [['in_future', null, future.message.id]] };
  },

  'a late event from the future': async () => {
    const { one, conversationId } = fixture();
    await storage.messages.append(one);
    await write(...rowsOf(one).lateEvent(idAt(now() + DAY)));
    return { conversationId, expected: [['in_future', null, one.message.id]] };
  },

  'a wrong preview that is larger than the right one at the same timestamp': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    await write(inboxRowLike(one, users[0], { preview: `${CONTENT}, twice` }));
    return { conversationId, expected: [['inbox_row_differs', users[0], one.message.id]] };
  },

  'an inbox row that shows a message as deleted which is not': async () => {
    const { users, one, conversationId } = fixture();
    await storage.messages.append(one);
    const deleted = { ...one.message, content: null, deletionId: idAt(NOON + DAY) };
    await write(lastActivityRow(deleted, one.participants, one.message.id, users[0]));
    return { conversationId, expected: [['inbox_row_differs', users[0], one.message.id]] };
  },

  'a row that was deleted later than it was written': async () => {
    const { one, conversationId } = fixture();
    await storage.messages.append(one);
    await write({
      query: 'DELETE FROM buckets_by_conversation WHERE conversation_id = ? AND bucket = ?',
      params: [conversationId, bucketOf(conversationId, one.message.id)],
    });
    return { conversationId, expected: [['bucket_not_listed', null, one.message.id]] };
  },
};

describe('a scan of intact data', () => {
  const conversations: ConversationId[] = [];
  const send = async (one: AppendRequest): Promise<void> => {
    conversations.push(one.message.conversationId);
    await storage.messages.append(one);
  };

  beforeAll(async () => {
    for (let pair = 0; pair < 10; pair += 1) {
      const users = freshUsers();
      // Out of order, over several buckets, with a gap between them.
      for (const days of [0, 100, 1, 35, 34])
        await send(appendRequest(users, idAt(NOON + days * DAY), CONTENT));
    }
    const pair = freshUsers();
    const many = Array.from({ length: 1_200 }, (_, n) =>
      appendRequest(pair, idAt(NOON + n * SECOND), CONTENT),
    );
    await appendAll([storage, storage], many);
    conversations.push(conversationIdFor(...pair));
    const me = freshUser();
    await send(appendRequest([me, me], idAt(NOON), 'a note'));
    const started = conversationOf(freshUsers(), idAt(NOON));
    conversations.push(started.id);
    await storage.conversations.start(started);
    const [sender, receiver] = freshUsers();
    await storage.conversations.start(conversationOf([sender, receiver], idAt(NOON - DAY)));
    await send(appendRequest([sender, receiver], idAt(NOON), '👪'.repeat(200)));
    // Edited and deleted messages: the last of a conversation, an older one, and one with a late event.
    const [first, last] = [0, 1].map((n) => appendRequest([sender, sender], idAt(NOON + n), CONTENT));
    const lateOne = { ...appendRequest(freshUsers(), idAt(NOON), CONTENT), isLive: true };
    for (const [n, one] of [first!, last!, lateOne].entries()) {
      await send(one);
      const { conversationId, id: messageId } = one.message;
      const change = { conversationId, messageId, participants: one.participants };
      await storage.messages.edit({ ...change, editId: idAt(NOON + DAY), content: 'edited' });
      if (n !== 1) await storage.messages.delete({ ...change, deletionId: idAt(NOON + DAY) });
    }
    // Rows of a change whose message is gone.
    const { one: gone, conversationId: without } = fixture();
    await write(editRow(without, gone.message.id, idAt(NOON), CONTENT));
    await write(...deletionRows(without, gone.message.id, idAt(NOON)));
    conversations.push(without);
    // Both become visible long after their own time, so they get late events.
    const late = freshUsers();
    await send({ ...appendRequest(late, idAt(NOON), CONTENT), isLive: true });
    await send({ ...appendRequest(late, idAt(NOON + DAY), CONTENT, freshKey()), isLive: true });
  });

  it('finds nothing', async () => {
    const scanned = await scan();
    expect(conversations.flatMap((id) => about(id, scanned))).toEqual([]);
    expect(scanned.progress).toMatchObject({ pass: 'done', ranges: [], candidates: [] });
    expect(scanned.progress.seen.lateEvents).toBe(3);
  });

  it('finds nothing if the events have expired', async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, conversation, message, inboxRow } = rowsOf(one);
    await write(bucket, conversation, message, ...users.map((userId) => inboxRow(userId)));
    const eventLog = new EventLogState({ clock, retentionDays: 1 });
    expect(about(conversationId, await scan({ eventLog }))).toEqual([]);
  });

  it('finds nothing if two messages of one nanosecond started a conversation', async () => {
    const users = freshUsers();
    const [smaller, larger] = [idAt(NOON, 1), idAt(NOON, 1)].sort() as [MessageId, MessageId];
    await storage.messages.append(appendRequest(users, larger));
    await storage.messages.append(appendRequest(users, smaller));
    // Cassandra keeps the larger of two that were written with one timestamp.
    expect((await storage.conversations.find(conversationIdFor(...users)))?.created).toBe(larger);
    expect(about(conversationIdFor(...users), await scan())).toEqual([]);
  });

  it.each([1, 3])('sees every row once with %i workers', async (parallel) => {
    const count = async (table: string): Promise<number> => {
      const row = (await client.execute(`SELECT count(*) AS n FROM ${table}`)).first();
      return (row['n'] as types.Long).toNumber();
    };
    const { seen } = (await scan({ parallel })).progress;
    expect(seen.messages).toBe(await count('messages_by_conversation'));
    expect(seen.inboxRows).toBe(await count('conversations_by_user'));
    expect(seen.conversations).toBe(await count('conversations'));
    // More than a page of them lies in one bucket.
    expect(seen.messages).toBeGreaterThan(1_200);
  });
});

describe('a scan of damage', () => {
  const damages = new Map<string, Damage>();
  let found: Scanned;
  let repaired: Scanned;
  let after: Scanned;

  beforeAll(async () => {
    for (const [name, inject] of Object.entries({ ...REPAIRABLE, ...NOT_REPAIRABLE })) {
      damages.set(name, await inject());
    }
    found = await scan();
    repaired = await scan({ repair: true });
    after = await scan();
  });

  const findingsOf = (name: string, state: Finding['state']): readonly Finding[] => {
    const { conversationId, expected, repaired: fewer = expected } = damages.get(name)!;
    return (state === 'found' ? expected : fewer)
      .map(([kind, userId, messageId]) => ({ kind, conversationId, userId, messageId, state }))
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  };
  const aboutDamage = (name: string, scanned: Scanned): readonly Finding[] =>
    about(damages.get(name)!.conversationId, scanned);

  it.each(Object.keys({ ...REPAIRABLE, ...NOT_REPAIRABLE }))('finds %s', (name) => {
    expect(aboutDamage(name, found)).toEqual(findingsOf(name, 'found'));
  });

  it.each(Object.keys(REPAIRABLE))('repairs %s', (name) => {
    expect(aboutDamage(name, repaired)).toEqual(findingsOf(name, 'repaired'));
    expect(aboutDamage(name, after)).toEqual([]);
  });

  it.each(Object.keys(NOT_REPAIRABLE))('reports and leaves %s', (name) => {
    expect(aboutDamage(name, repaired)).toEqual(findingsOf(name, 'not_repaired'));
    expect(aboutDamage(name, after)).toEqual(findingsOf(name, 'found'));
  });

  it('counts findings and repairs', () => {
    for (const { findings, progress } of [found, repaired, after]) {
      for (const [kind, { found: all, repaired: some }] of Object.entries(progress.inconsistencies)) {
        const ofKind = findings.filter((finding) => finding.kind === kind);
        expect(all).toBe(ofKind.length);
        expect(some).toBe(ofKind.filter(({ state }) => state === 'repaired').length);
      }
    }
  });

  it('covers every kind of inconsistency', () => {
    const injected = [...damages.values()].flatMap(({ expected }) => expected.map(([kind]) => kind));
    // Groups have their own tests below, and restores in restores.test.ts.
    const kinds = new Set([...injected, 'membership_incomplete', 'membership_lost', 'deletion_lost']);
    expect([...kinds].sort()).toEqual(Object.keys(INCONSISTENCIES).sort());
  });

  it('resumes from any stop, with any number of workers, and finds the rest', async () => {
    const whole = await scan();
    let places = 0;
    let placesOfMessages = 0;
    await scan({ parallel: 1 }, ({ pass }) => {
      places += 1;
      if (pass === 'messages') placesOfMessages = places;
      return false;
    });
    expect(places).toBeGreaterThan(40);
    // What was a candidate by then was inspected again, or is still to be.
    for (const [settleMs, last] of [
      [0, places],
      [60_000, placesOfMessages - 5],
    ] as const) {
      for (let place = 1; place < last; place += 7) {
        let left = place;
        const begun = await scan({ settleMs, parallel: 1 + (place % 3) }, () => (left -= 1) === 0);
        const from = JSON.parse(JSON.stringify(begun.progress)) as Progress;
        const resumed = await scan({ from, parallel: 1 + ((place + 1) % 3) });
        expect(resumed.progress).toEqual(whole.progress);
        expect([...begun.findings, ...resumed.findings].sort(byName)).toEqual(
          [...whole.findings].sort(byName),
        );
      }
    }
  });
});

function byName(one: Finding, other: Finding): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
}

describe('a repair', () => {
  const placesOf = async ({ message, participants }: AppendRequest) => {
    const entries = participants.map((userId) => findEntries(session, userId, [message.conversationId]));
    return (await Promise.all(entries)).map(([entry]) => entry?.lastEventId);
  };
  const lateEventOf = async ({ message: { conversationId, id } }: AppendRequest): Promise<string | null> => {
    const { rows } = await client.execute(
      'SELECT event_id FROM late_events WHERE conversation_id = ? AND message_id = ?',
      [conversationId, id],
    );
    return rows[0] === undefined ? null : String(rows[0]['event_id']);
  };
  const logOf = async (userId: UserId): Promise<string[]> => {
    const { rows } = await client.execute('SELECT event_id FROM events_by_user WHERE user_id = ?', [userId]);
    return rows.map((row) => String(row['event_id']));
  };

  it('announces an undelivered message as new to both participants', async () => {
    const { users, one, two } = fixture();
    await storage.messages.append(one);
    const { message, news } = rowsOf(two);
    await write(message, ...news(two.message.senderId));
    const begun = ids.next();
    await scan({ repair: true });
    const late = await lateEventOf(two);
    expect(late! > begun).toBe(true);
    expect(await placesOf(two)).toEqual([late, late]);
    expect((await logOf(users[1]))[0]).toBe(late);
    const [entry] = await storage.conversations.listByUser(users[1], { before: null, offset: 0, limit: 1 });
    expect(entry?.lastMessage?.messageId).toBe(two.message.id);
    // Its late event counts, though the log lacks its own.
    expect(await logOf(users[1])).not.toContain(two.message.id);
    expect(about(two.message.conversationId, await scan())).toEqual([]);
  });

  it('announces several in the order in which they were sent', async () => {
    const { users, one } = fixture();
    const unseen = [1, 2, 3].map((minutes) => appendRequest(users, idAt(NOON + minutes * MINUTE), CONTENT));
    await storage.messages.append(one);
    for (const request of unseen) await write(rowsOf(request).message);
    await scan({ repair: true });
    const late = await Promise.all(unseen.map(lateEventOf));
    expect(late).toEqual([...late].sort());
    expect(await placesOf(one)).toEqual([late[2], late[2]]);
  });

  it('leaves the inbox at the newest of messages in several buckets that it announces', async () => {
    const talks = Array.from({ length: 8 }, () => {
      const { users } = fixture();
      const older = Array.from({ length: 10 }, (_, minutes) =>
        idAt(NOON - (40 * 24 * 60 - minutes) * MINUTE),
      );
      return [...older, idAt(NOON)].map((id) => appendRequest(users, id, CONTENT));
    });
    await Promise.all(talks.flat().map((request) => write(rowsOf(request).message)));
    await scan({ repair: true });
    for (const talk of talks) {
      const [newest] = talk.slice(-1) as [AppendRequest];
      const { conversationId, senderId } = newest.message;
      const [entry] = await findEntries(session, senderId, [conversationId]);
      expect(entry?.lastMessage?.messageId).toBe(newest.message.id);
      expect(about(conversationId, await scan())).toEqual([]);
    }
  });

  it('announces an invisible message once, even if it runs repeatedly', async () => {
    const { one } = fixture();
    await write(rowsOf(one).message);
    await Promise.all([scan({ repair: true }), scan({ repair: true })]);
    const late = await lateEventOf(one);
    await scan({ repair: true });
    expect(await lateEventOf(one)).toBe(late);
    expect(await placesOf(one)).toEqual([late, late]);
  });

  const silent = {
    'the event of the last message of the inbox row is missing': async () => {
      const { users, one } = fixture();
      const { bucket, conversation, message, inboxRow, news } = rowsOf(one);
      await write(bucket, conversation, message, ...news(users[0]), inboxRow(users[1]));
      return { of: one, place: one.message.id };
    },
    'the event of an earlier message than the last one of the inbox row is missing': async () => {
      const { users, one, two } = fixture();
      const { message, news } = rowsOf(one);
      await write(message, ...news(users[0]));
      await storage.messages.append(two);
      return { of: one, place: two.message.id };
    },
    'the inbox row of a message that the log has is missing': async () => {
      const { users, one } = fixture();
      const { bucket, conversation, message, event, news } = rowsOf(one);
      await write(bucket, conversation, message, ...news(users[0]), ...event(users[1]));
      return { of: one, place: one.message.id };
    },
    'only the sender lacks the message': async () => {
      const { users, one } = fixture();
      const { bucket, conversation, message, news } = rowsOf(one);
      await write(bucket, conversation, message, ...news(users[1]));
      return { of: one, place: one.message.id };
    },
    'the send was acknowledged as complete': async () => {
      const { one } = fixture();
      const { bucket, conversation, message } = rowsOf(one);
      const { id, conversationId } = one.message;
      await write(bucket, conversation, message, {
        query: `INSERT INTO messages_by_conversation (conversation_id, bucket, message_id, delivered)
          VALUES (?, ?, ?, true)`,
        params: [conversationId, bucketOf(conversationId, id), id],
      });
      return { of: one, place: one.message.id };
    },
    'the message is no older than a send takes': async () => {
      const users = freshUsers();
      const one = appendRequest(users, ids.next(), CONTENT);
      await write(rowsOf(one).message);
      return { of: one, place: one.message.id };
    },
  };
  it.each(Object.entries(silent))('moves nothing and announces nothing if %s', async (_, damage) => {
    const { of, place } = await damage();
    await scan({ repair: true });
    expect(await placesOf(of)).toEqual([place, place]);
    expect(await lateEventOf(of)).toBeNull();
    for (const userId of of.participants) expect(await logOf(userId)).toContain(of.message.id);
  });

  it('shows no deleted message as new', async () => {
    const { one } = fixture();
    const { conversationId, id } = one.message;
    await write(rowsOf(one).message, ...deletionRows(conversationId, id, idAt(NOON + DAY)));
    await scan({ repair: true });
    expect(await placesOf(one)).toEqual([id, id]);
    expect(await lateEventOf(one)).toBeNull();
    const [entry] = await findEntries(session, one.message.senderId, [conversationId]);
    expect(entry?.lastMessage).toEqual({ messageId: id, senderId: one.message.senderId, preview: null });
  });

  it('restores inbox rows at their own position if they are older than the log', async () => {
    const { one } = fixture();
    await write(rowsOf(one).message);
    await scan({ repair: true, eventLog: new EventLogState({ clock, retentionDays: 1 }) });
    expect(await placesOf(one)).toEqual([one.message.id, one.message.id]);
    expect(await lateEventOf(one)).toBeNull();
  });

  it('waits until the clock is verified', async () => {
    const { one, conversationId } = fixture();
    await write(rowsOf(one).message);
    let isVerified = false;
    const checked = {
      ...session,
      writes: () => {
        expect(isVerified).toBe(true);
        return session.writes();
      },
    };
    const clockCheck = {
      verified: () => {
        if (isVerified) return Promise.resolve();
        isVerified = true;
        return Promise.reject(new ClockNotVerified());
      },
    };
    const scanned = await scan({ repair: true, session: checked, clockCheck });
    expect(about(conversationId, scanned).map(({ state }) => state)).toContain('repaired');
    expect(isVerified).toBe(true);
  });

  it('does not undo concurrent sends', async () => {
    const { one, two, users, conversationId } = fixture();
    await write(rowsOf(one).message);
    const live = { ...appendRequest(users, ids.next(), CONTENT), isLive: true };
    let isSent = false;
    await scan({ repair: true, settleMs: 1_000 }, async ({ candidates }) => {
      if (!isSent && candidates.some(({ subject }) => subject.conversationId === conversationId)) {
        isSent = true;
        await storage.messages.append(two);
        await storage.messages.append(live);
      }
      return false;
    });
    expect(isSent).toBe(true);
    expect(await placesOf(one)).toEqual([live.message.id, live.message.id]);
  });
});

describe('a scan of groups', () => {
  const messageOf = (conversationId: ConversationId, senderId: UserId): Message => ({
    id: ids.next(),
    conversationId,
    senderId,
    receiverId: null,
    content: CONTENT,
    editId: null,
    deletionId: null,
  });

  /** A group with a message, whose third member has left and whose fourth has joined after it. */
  async function groupWithHistory() {
    const users = [freshUser(), freshUser(), freshUser(), freshUser()] as const;
    const [anna, ben, carl, dora] = users;
    const participants = [anna, ben, carl].sort();
    const group = { created: ids.next(), creatorId: anna, participants, name: 'Group', idempotencyKey: null };
    const result = await storage.groups.create(group);
    if (result.outcome === 'key_reused') return expect.fail();
    const { id } = result;
    const message = messageOf(id, anna);
    const sent = { ...message, content: CONTENT, editId: null, deletionId: null };
    await storage.messages.append({ message: sent, participants, idempotencyKey: null, isLive: true });
    await storage.groups.leave(id, carl, ids.next());
    await storage.groups.join(id, dora, ids.next());
    return { id, users, message };
  }

  it('finds nothing in a group that members have joined and left', async () => {
    const { id } = await groupWithHistory();
    expect(about(id, await scan())).toEqual([]);
  });

  it('finds memberships, inbox rows and events that are missing', async () => {
    const { id, users, message } = await groupWithHistory();
    const [, ben, carl, dora] = users;
    const rowOf = 'DELETE FROM conversations_by_user WHERE user_id = ? AND conversation_id = ?';
    await client.execute(rowOf, [dora, id], { prepare: true });
    const membership =
      'DELETE membership FROM conversations_by_user WHERE user_id = ? AND conversation_id = ?';
    await client.execute(membership, [carl, id], { prepare: true });
    const event = 'DELETE FROM events_by_user WHERE user_id = ? AND places = true AND event_id = ?';
    await client.execute(event, [ben, message.id], { prepare: true });
    const kinds = (scanned: Scanned) => about(id, scanned).map(({ kind, userId }) => [kind, userId]);
    expect(kinds(await scan())).toEqual(
      expect.arrayContaining([
        ['event_missing', ben],
        ['membership_incomplete', carl],
        ['membership_incomplete', dora],
      ]),
    );
    expect(kinds(await scan())).toHaveLength(3);

    // Later scans find nothing of it.
    const bucket = bucketOf(id, message.id);
    await client.execute('DELETE FROM groups WHERE conversation_id = ?', [id], { prepare: true });
    await client.execute(
      'DELETE FROM messages_by_conversation WHERE conversation_id = ? AND bucket = ?',
      [id, bucket],
      { prepare: true },
    );
    for (const userId of users) await client.execute(rowOf, [userId, id], { prepare: true });
    expect(kinds(await scan())).toEqual([]);
  });

  it('repairs the inboxes of a group whose creation has ended after its row', async () => {
    const users = [freshUser(), freshUser(), freshUser()].sort();
    const created = ids.next();
    const members = users.map((userId) => new types.Tuple(userId, created, NIL));
    await client.execute(
      `INSERT INTO groups (conversation_id, creator_id, created, name, members, former_until, changed, version)
       VALUES (?, ?, ?, '', ?, ?, ?, 1)`,
      [created, users[0], created, members, NIL, created],
      { prepare: true },
    );
    const id = created as string as ConversationId;
    const repaired = about(id, await scan({ repair: true }));
    expect(repaired.map(({ kind, state }) => [kind, state])).toEqual(
      users.map(() => ['membership_incomplete', 'repaired']),
    );
    expect(about(id, await scan())).toEqual([]);
    for (const userId of users) {
      const inbox = await storage.conversations.listByUser(userId, { before: null, offset: 0, limit: 1 });
      expect(inbox[0]?.membership?.joined).toBe(created);
    }
  });
});

describe('a scan with concurrent writes', () => {
  const isCandidate = ({ candidates }: Progress, id: ConversationId): boolean =>
    candidates.some(({ subject }) => subject.conversationId === id);

  it('waits for a send in progress', async () => {
    const { users, one, conversationId } = fixture();
    const { bucket, conversation, message, news } = rowsOf(one);
    await write(bucket, conversation, message);
    let wasCandidate = false;
    const scanned = await scan({ settleMs: 2_000 }, async (progress) => {
      if (!wasCandidate && isCandidate(progress, conversationId)) {
        wasCandidate = true;
        await write(...users.flatMap((userId) => news(userId)));
      }
      return false;
    });
    expect(wasCandidate).toBe(true);
    expect(about(conversationId, scanned)).toEqual([]);
  });

  it('does not report an inbox row that has moved since it was a candidate', async () => {
    const me = freshUser();
    const [one, two] = [
      appendRequest([me, me], idAt(NOON), CONTENT),
      appendRequest([me, me], idAt(NOON + MINUTE), CONTENT),
    ];
    const { conversationId } = one.message;
    const { bucket, conversation, message, event } = rowsOf(one);
    await write(bucket, conversation, message, ...event(me), inboxRowLike(one, me, { preview: '' }));
    let wasCandidate = false;
    const scanned = await scan({ settleMs: 2_000 }, async (progress) => {
      if (!wasCandidate && isCandidate(progress, conversationId)) {
        wasCandidate = true;
        // As wrong as the one before, and it may be on its way to be right.
        await write(rowsOf(two).message, ...rowsOf(two).event(me), inboxRowLike(two, me, { preview: '' }));
      }
      return false;
    });
    expect(wasCandidate).toBe(true);
    expect(about(conversationId, scanned)).toEqual([]);
  });

  it('finds nothing in conversations with constant writes', async () => {
    const pairs = Array.from({ length: 8 }, freshUsers);
    let sent = 0;
    let done = false;
    const sending = pairs.map(async (users) => {
      while (!done) {
        await storage.messages.append({ ...appendRequest(users, ids.next(), CONTENT), isLive: true });
        sent += 1;
        // As if its process had been paused: it becomes visible late.
        if (sent % 7 === 0) {
          await storage.messages.append({
            ...appendRequest(users, idAt(now() - MINUTE), CONTENT),
            isLive: true,
          });
        }
        if (sent % 10 === 0) await storage.conversations.start(conversationOf(freshUsers(), ids.next()));
      }
    });
    const begun = Date.now();
    const scans = [await scan({ settleMs: 2_000 }), await scan({ settleMs: 2_000, repair: true })];
    done = true;
    await Promise.all(sending);
    const fresh = scans.flatMap(({ findings }) =>
      findings.filter(
        ({ messageId }) =>
          microsecondsOf(messageId) >= begun * 1_000 - MINUTE && microsecondsOf(messageId) < now(),
      ),
    );
    expect(fresh).toEqual([]);
    expect(sent).toBeGreaterThan(50);
  });

  it('respects its rate limit', async () => {
    let rows = 0;
    const stop = new AbortController();
    const count = (more: number): void => {
      rows += more;
      if (rows > 12_000) stop.abort();
    };
    const counting: Session = {
      ...session,
      read: async (...question) => {
        const found = await session.read(...question);
        count(Math.max(found.length, 1));
        return found;
      },
      readPage: async (...question) => {
        const page = await session.readPage(...question);
        count(page.rows.length);
        return page;
      },
    };
    const begun = performance.now();
    const limits = { rowsPerSecond: 2_000, parallel: 2 };
    const ended = await scan({ session: counting, ...limits, signal: stop.signal }).then(
      () => 'finished',
      (error: unknown) => (error as Error).name,
    );
    expect(ended).toBe('AbortError');
    // What is read counts once it is there: two pages, and the events of sixteen ranges for two users and two workers.
    const inFlight = 2 * 500 + 2 * 16 * 2 * 100;
    const seconds = (performance.now() - begun) / 1_000;
    expect(rows).toBeLessThan(limits.rowsPerSecond * seconds + inFlight);
  });

  it('repeats failed storage operations', async () => {
    const failing = <Question extends unknown[], Answer>(ask: (...question: Question) => Promise<Answer>) => {
      let failures = 1;
      return async (...question: Question): Promise<Answer> => {
        if ((failures -= 1) >= 0) throw new StorageFailure('unavailable');
        return ask(...question);
      };
    };
    const failingClient = {
      ...session,
      read: failing((...question: Parameters<Session['read']>) => session.read(...question)),
      readPage: failing((...question: Parameters<Session['readPage']>) => session.readPage(...question)),
    };
    expect((await scan({ session: failingClient })).progress).toEqual((await scan()).progress);
  });

  it('stops on request', async () => {
    const stop = new AbortController();
    let places = 0;
    const stopped = scan({ signal: stop.signal }, () => {
      places += 1;
      if (places === 5) stop.abort();
      return false;
    });
    await expect(stopped).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(places).toBe(5);
  });
});

describe('npm run verify', () => {
  let where: CassandraOptions;
  let elsewhere: CassandraStorage;

  beforeAll(async () => {
    where = await freshKeyspace();
    elsewhere = await openStorage(where);
    for (let pair = 0; pair < 5; pair += 1) {
      await elsewhere.messages.append(appendRequest(freshUsers(), idAt(NOON), CONTENT));
    }
  });

  afterAll(() => elsewhere.close());

  const start = (args: readonly string[], { contactPoints } = where) =>
    spawn(process.execPath, ['--import', 'tsx', 'scripts/verify.ts', '--settle', '1', ...args], {
      env: {
        ...process.env,
        CASSANDRA_CONTACT_POINTS: contactPoints.join(),
        CASSANDRA_LOCAL_DATACENTER: where.localDatacenter,
        CASSANDRA_KEYSPACE: where.keyspace,
        EVENT_RETENTION_DAYS: String(where.eventRetentionDays),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  async function end(child: ReturnType<typeof start>): Promise<{ code: number; out: string; err: string }> {
    const text = { out: '', err: '' };
    child.stdout.on('data', (data) => (text.out += String(data)));
    child.stderr.on('data', (data) => (text.err += String(data)));
    const [code] = (await once(child, 'close')) as [number];
    expect(text.out + text.err).not.toContain(CONTENT);
    return { code, ...text };
  }
  const run = (...args: readonly string[]) => end(start(args));

  it('exits with 0 without findings', async () => {
    const { code, out } = await run();
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('0 findings are left') });
  });

  it('exits with 1 with findings, until they are repaired', async () => {
    const users = freshUsers();
    const { message } = appendRequest(users, idAt(NOON), CONTENT);
    const { id, conversationId } = message;
    await client.execute(
      `INSERT INTO ${where.keyspace}.messages_by_conversation
         (conversation_id, bucket, message_id, sender_id, receiver_id, content) VALUES (?, ?, ?, ?, ?, ?)`,
      [conversationId, bucketOf(conversationId, id), id, ...users, CONTENT],
      { prepare: true },
    );

    const plain = await run('--show', '1');
    expect(plain.code).toBe(1);
    expect(plain.out.match(/^found .*/gm)).toEqual([
      expect.stringContaining(`conversation_id=${conversationId}`),
    ]);
    expect(plain.out).toContain('6 findings are left');

    const json = await run('--json', '--repair');
    const lines = json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { finding?: object; summary?: object });
    expect(json.code).toBe(0);
    expect(lines.filter(({ finding }) => finding !== undefined)).toHaveLength(6);
    expect(lines[0]?.finding).toMatchObject({ state: 'repaired', conversation_id: conversationId });
    expect(lines.at(-1)?.summary).toMatchObject({
      seen: { messages: 6 },
      inconsistencies: { inbox_row_missing: { found: 2, repaired: 2 } },
      left: 0,
    });

    expect((await run()).code).toBe(0);
  });

  it('stores its progress in a file when it is stopped, and resumes from there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'verify-'));
    const file = join(folder, 'place');
    const kept = watch(folder);
    const child = start(['--resume', file, '--rate', '1', '--parallel', '3']);
    const ended = end(child);
    while (!existsSync(file)) await once(kept, 'change');
    kept.close();
    child.kill('SIGINT');
    const stopped = await ended;
    expect(stopped.code).toBe(2);
    expect(stopped.err).toContain('Stopped');
    expect(readFileSync(file, 'utf8')).not.toContain(CONTENT);

    const resumed = await run('--resume', file);
    expect(resumed.out).toContain('6 messages');
    expect(resumed.code).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it.concurrent.each([
    ['an unknown option', ['--mend'], '--mend'],
    ['what is no number', ['--rate', 'fast'], '--rate takes a whole number'],
    ['too many workers', ['--parallel', '257'], '--parallel takes a whole number from 1 to 256'],
    ['a file of something else', ['--resume', 'package.json'], 'package.json does not contain'],
  ])('exits with 2 after %s', async (_, args, sentence) => {
    const { code, err } = await run(...args);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining(sentence) });
  });

  it('exits with 2 without a cluster', async () => {
    const { code, err } = await end(start([], { ...where, contactPoints: ['127.0.0.1:1'] }));
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringContaining('is not reachable at 127.0.0.1:1'),
    });
  });
});
