import assert from 'node:assert/strict';
import type { Client, types } from 'cassandra-driver';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeClient, sessionOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { EventLogState } from '../../src/adapters/cassandra/event-log-state.ts';
import { makeSession } from '../../src/adapters/cassandra/session.ts';
import type { CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { INITIAL_PROGRESS, verify, type Finding } from '../../src/adapters/cassandra/verify.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { ALWAYS_VERIFIED } from '../../src/application/ports/clock-check.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { latenessLimits } from '../../src/domain/event.ts';
import type { ConversationId, MessageId, UserId } from '../../src/domain/ids.ts';
import { freshUser } from '../contracts/fixtures.ts';
import { useCasesOver } from '../support/use-cases.ts';
import { freshKeyspace, openStorage } from './cluster.ts';

/**
 * A table that was restored to an earlier state while the others were not: what `npm run verify -- --repair` makes of it, and
 * what users see before and after.
 */

const clock = makeClock();
const messageIds = makeMessageIds({ clock });

let options: CassandraOptions;
let client: Client;
let storage: CassandraStorage;
let useCases: UseCases;

beforeAll(async () => {
  // A separate keyspace, since a scan reads a whole keyspace.
  options = await freshKeyspace();
  client = makeClient(options);
  await client.connect();
  storage = await openStorage(options);
  useCases = useCasesOver(storage, { clock, messageIds });
});

afterAll(async () => {
  await storage.close();
  await client.shutdown();
});

interface Cell {
  readonly json: string;
  readonly writeTime: string;
}

/** The cells of a table, each with its write time. */
async function backUp(table: string): Promise<readonly Cell[]> {
  const { rows: columns } = await client.execute(
    'SELECT column_name, kind FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?',
    [options.keyspace, table],
    { prepare: true },
  );
  const namesOf = (isKey: boolean): string[] =>
    columns
      .filter(({ kind }) => (kind !== 'regular') === isKey)
      .map(({ column_name }) => String(column_name));
  const key = namesOf(true).join();
  const cells: Cell[] = [];
  for (const column of namesOf(false)) {
    const select = `${key}, ${column}`;
    const read = (selected: string) =>
      client.execute(`SELECT ${selected} FROM ${table}`, [], { prepare: true, fetchSize: 10_000 });
    const { rows: values } = await read(`JSON ${select}`);
    const { rows: times } = await read(`writetime(${column}) AS time`);
    for (const [index, row] of values.entries()) {
      const writeTime = times[index]?.['time'] as types.Long | null;
      if (writeTime !== null) cells.push({ json: String(row['[json]']), writeTime: writeTime.toString() });
    }
  }
  return cells;
}

async function restore(table: string, cells: readonly Cell[]): Promise<void> {
  await client.execute(`TRUNCATE ${table}`);
  for (const { json, writeTime } of cells) {
    await client.execute(`INSERT INTO ${table} JSON ? DEFAULT UNSET USING TIMESTAMP ${writeTime}`, [json], {
      prepare: true,
    });
  }
}

/** What a scan finds about a conversation. */
async function scan(
  id: ConversationId,
  { repair }: { readonly repair: boolean },
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const progress = verify({
    session: makeSession(client, () => true, sessionOptions(options)),
    clock,
    eventLog: new EventLogState({ clock, retentionDays: options.eventRetentionDays }),
    messageIds,
    clockCheck: ALWAYS_VERIFIED,
    limits: latenessLimits(options),
    from: INITIAL_PROGRESS,
    rowsPerSecond: 1e6,
    parallel: 2,
    settleMs: 10,
    repair,
    found: (finding) => findings.push(finding),
    signal: new AbortController().signal,
  });
  for await (const _ of progress);
  return findings.filter(({ conversationId }) => conversationId === id);
}

const kindsOf = (findings: readonly Finding[]): string[] =>
  [...new Set(findings.map(({ kind }) => kind))].sort();

let [anna, ben, carl, dora] = [freshUser(), freshUser(), freshUser(), freshUser()];
beforeEach(() => {
  [anna, ben, carl, dora] = [freshUser(), freshUser(), freshUser(), freshUser()];
});

async function createGroup(): Promise<ConversationId> {
  const { conversation } = await useCases.createGroup({
    caller: SERVICE,
    creatorId: anna,
    participantIds: [anna, ben, carl],
    name: 'Group',
    idempotencyKey: null,
  });
  return conversation.id;
}

async function send(conversationId: ConversationId, content: string): Promise<MessageId> {
  const { message } = await useCases.sendToConversation({
    caller: SERVICE,
    senderId: anna,
    conversationId,
    content,
    idempotencyKey: null,
  });
  return message.id;
}

const remove = (conversationId: ConversationId, userId: UserId) =>
  useCases.removeMember({ caller: { kind: 'user', userId: anna }, conversationId, userId });
const add = (conversationId: ConversationId, userId: UserId) =>
  useCases.addMember({ caller: { kind: 'user', userId: anna }, conversationId, userId });

/** The contents of the history that a user sees; a refusal if the user sees none. */
async function historyOf(
  userId: UserId,
  conversationId: ConversationId,
): Promise<(string | null)[] | string> {
  const caller = { kind: 'user', userId } as const;
  const request = { caller, conversationId, before: null, limit: 100, page: null };
  try {
    return (await useCases.listMessagesBefore(request)).items.map(({ content }) => content);
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** What the inbox of a user shows of the last message; undefined if the conversation is not there. */
async function previewOf(userId: UserId, conversationId: ConversationId): Promise<string | null | undefined> {
  const request = { caller: SERVICE, userId, before: null, limit: 100, page: null };
  const { items } = await useCases.listConversations(request);
  const entry = items.find((item) => item.conversationId === conversationId);
  return entry === undefined ? undefined : (entry.lastMessage?.preview ?? null);
}

/** A group, before and after the time to which a table is restored. */
async function groupWithHistory() {
  const id = await createGroup();
  const first = await send(id, 'first');
  const second = await send(id, 'second');
  const backups = new Map<string, readonly Cell[]>();
  for (const table of TABLES) backups.set(table, await backUp(table));
  await useCases.deleteMessage({ caller: SERVICE, conversationId: id, messageId: first });
  await useCases.editMessage({ caller: SERVICE, conversationId: id, messageId: second, content: 'edited' });
  await useCases.deleteMessage({ caller: SERVICE, conversationId: id, messageId: second });
  await remove(id, carl);
  await add(id, dora);
  return { id, restoreTable: (table: string) => restore(table, backups.get(table) ?? assert.fail()) };
}

const TABLES = [
  'messages_by_conversation',
  'buckets_by_conversation',
  'conversations',
  'conversations_by_user',
  'events_by_user',
  'late_events',
  'late_messages_by_conversation',
  'groups',
  'former_members',
];

describe.each(TABLES)('after only %s was restored, and a repair', (table) => {
  test('everybody has exactly the messages of their memberships, and no deleted content', async () => {
    const { id, restoreTable } = await groupWithHistory();
    await restoreTable(table);
    await scan(id, { repair: true });
    expect(kindsOf(await scan(id, { repair: false }))).toEqual([]);
    await send(id, 'third');
    for (const member of [anna, ben]) {
      expect(await historyOf(member, id)).toEqual(['third', null, null]);
      expect(await previewOf(member, id)).toBe('third');
    }
    expect(await historyOf(dora, id)).toEqual(['third']);
    expect(await previewOf(dora, id)).toBe('third');
    expect(await historyOf(carl, id)).toEqual([null, null]);
    expect(await previewOf(carl, id)).toBeNull();

    // Nobody is stuck in the group or outside.
    await remove(id, dora);
    await add(id, carl);
    await send(id, 'fourth');
    expect(await historyOf(dora, id)).toEqual(['third']);
    expect(await historyOf(carl, id)).toEqual(['fourth']);
    expect(kindsOf(await scan(id, { repair: false }))).toEqual([]);
  });
});

describe('after only groups was restored, before a repair', () => {
  test('a user who has left does not see later messages', async () => {
    const { id, restoreTable } = await groupWithHistory();
    await send(id, 'third');
    await restoreTable('groups');
    expect(await historyOf(carl, id)).toEqual([null, null]);
    await send(id, 'fourth');
    expect(await historyOf(carl, id)).toEqual([null, null]);
  });

  test('the creator can remove a user whom the row of the group does not know', async () => {
    const { id, restoreTable } = await groupWithHistory();
    await restoreTable('groups');
    await remove(id, dora);
    await send(id, 'third');
    expect(await historyOf(dora, id)).toEqual([]);
    expect(kindsOf(await scan(id, { repair: false }))).toEqual(['membership_lost']);
  });

  test('removing a user who has left gives no access to messages since then', async () => {
    const { id, restoreTable } = await groupWithHistory();
    await send(id, 'third');
    await restoreTable('groups');
    await remove(id, carl);
    expect(await historyOf(carl, id)).toEqual([null, null]);
  });

  test('adding a user who has joined since then takes no messages away', async () => {
    const { id, restoreTable } = await groupWithHistory();
    await send(id, 'third');
    await restoreTable('groups');
    await add(id, dora);
    await send(id, 'fourth');
    expect(await historyOf(dora, id)).toEqual(['fourth', 'third']);
  });
});

/** More users join and leave the group than its row keeps. */
async function othersJoinAndLeave(id: ConversationId): Promise<void> {
  for (let count = 0; count < 66; count += 1) {
    const userId = freshUser();
    await add(id, userId);
    await remove(id, userId);
  }
}

test('a repair ends the memberships of all who have left, however many left after them', async () => {
  const id = await createGroup();
  const inboxes = await backUp('conversations_by_user');
  await remove(id, carl);
  await othersJoinAndLeave(id);
  await restore('conversations_by_user', inboxes);
  await scan(id, { repair: true });
  await send(id, 'later');
  expect(await historyOf(carl, id)).toEqual([]);
  expect(kindsOf(await scan(id, { repair: false }))).toEqual([]);
});

test('the repeat of a removal ends the membership, however many left after it', async () => {
  const id = await createGroup();
  const inboxes = await backUp('conversations_by_user');
  await remove(id, carl);
  await othersJoinAndLeave(id);
  // As if the first attempt had ended after the transaction.
  await restore('conversations_by_user', inboxes);
  await remove(id, carl);
  await send(id, 'later');
  expect(await historyOf(carl, id)).toEqual([]);
});

test('a repair deletes again what was deleted before the messages were restored', async () => {
  const { conversation } = await useCases.startConversation({ caller: SERVICE, participantIds: [anna, ben] });
  const { id } = conversation;
  const messageId = await send(id, 'secret');
  await send(id, 'last');
  const messages = await backUp('messages_by_conversation');
  await useCases.deleteMessage({ caller: SERVICE, conversationId: id, messageId });
  await restore('messages_by_conversation', messages);
  expect(await historyOf(ben, id)).toEqual(['last', 'secret']);
  const found = await scan(id, { repair: false });
  expect(found.map(({ kind, userId, messageId: about }) => [kind, userId, about]).sort()).toEqual(
    [anna, ben].map((userId) => ['deletion_lost', userId, messageId]).sort(),
  );
  await scan(id, { repair: true });
  expect(await historyOf(ben, id)).toEqual(['last', null]);
  expect(await scan(id, { repair: false })).toEqual([]);
});
