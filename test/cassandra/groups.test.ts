import assert from 'node:assert/strict';
import { Client, errors, type types } from 'cassandra-driver';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { clientOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { openCassandraStorage, type CassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import { ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import { NOOP_TELEMETRY } from '../../src/application/ports/telemetry.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { InboxEntry } from '../../src/domain/conversation.ts';
import type { ConversationId, Position, UserId } from '../../src/domain/ids.ts';
import {
  appendRequest,
  forEachConcurrently,
  freshKey,
  freshUser,
  freshUsers,
  positionOf,
  top,
  walk,
} from '../contracts/fixtures.ts';
import { guardedLog } from '../support/log-leak-guard.ts';
import { useCasesOver } from '../support/use-cases.ts';
import { freshKeyspace, openStorage } from './cluster.ts';

const clock = makeClock();
const messageIds = makeMessageIds({ clock });

let options: CassandraOptions;
let storage: CassandraStorage;
let useCases: UseCases;
/** The names of the statements sent since it was cleared. */
const statements: string[] = [];

beforeAll(async () => {
  options = await freshKeyspace();
  storage = openCassandraStorage({
    options,
    clock,
    messageIds,
    log: guardedLog,
    telemetry: {
      ...NOOP_TELEMETRY,
      statementSent: (name) => {
        statements.push(name);
        return () => undefined;
      },
    },
  });
  await storage.started;
  useCases = useCasesOver(storage, { clock, messageIds });
});

afterAll(() => storage.close());

const usersOf = (count: number): UserId[] => Array.from({ length: count }, freshUser);

async function groupOf(users: readonly UserId[]): Promise<ConversationId> {
  const [creatorId = assert.fail()] = users;
  const group = { creatorId, participantIds: users, name: 'Group', idempotencyKey: null };
  const { conversation } = await useCases.createGroup({ caller: SERVICE, ...group });
  return conversation.id;
}

const messageOf = (conversationId: ConversationId, senderId: UserId) =>
  useCases.sendToConversation({
    caller: SERVICE,
    senderId,
    conversationId,
    content: 'Hello',
    idempotencyKey: null,
  });

/** The number of reads and of writes that `work` sends. */
async function costOf(work: () => Promise<unknown>): Promise<{ reads: number; writes: number }> {
  statements.length = 0;
  await work();
  const reads = statements.filter((name) => name.startsWith('SELECT')).length;
  return { reads, writes: statements.length - reads };
}

test.each([3, 16, 64, 256])(
  'a send to a group of %i reads three rows and takes a request for every four members',
  async (size) => {
    const users = usersOf(size);
    const id = await groupOf(users);
    const cost = await costOf(() => messageOf(id, users[1] ?? assert.fail()));
    expect(cost).toEqual({ reads: 3, writes: Math.ceil(size / 4) + 2 });
  },
);

test('no write of a group makes Cassandra warn about its batches, in any script', async () => {
  const warnings: string[] = [];
  class WarnedClient extends Client {
    override async batch(...args: unknown[]): Promise<types.ResultSet> {
      const result = await (super.batch(
        ...(args as Parameters<Client['batch']>),
      ) as never as Promise<types.ResultSet>);
      warnings.push(...((result.info.warnings as string[] | undefined) ?? []));
      return result;
    }
  }
  const warned = await openStorage(options, new WarnedClient(clientOptions(options)));
  onTestFinished(() => warned.close());
  const own = useCasesOver(warned, { clock, messageIds });
  const users = usersOf(9).map((user) => user.padEnd(64, 'x') as UserId);
  const [senderId = assert.fail()] = users;
  const group = { creatorId: senderId, participantIds: users, name: '字'.repeat(100), idempotencyKey: null };
  const { conversation } = await own.createGroup({ caller: SERVICE, ...group });
  for (const character of ['x', 'я', '字', '😀']) {
    const content = character.repeat(300);
    const send = {
      caller: SERVICE,
      senderId,
      conversationId: conversation.id,
      content,
      idempotencyKey: null,
    };
    const { message } = await own.sendToConversation(send);
    const change = { caller: SERVICE, conversationId: conversation.id, messageId: message.id };
    await own.editMessage({ ...change, content: `${content}!` });
    await own.deleteMessage(change);
  }
  expect(warnings).toEqual([]);
});

test('a send to a conversation of two by its id reads two rows more than one by the receiver', async () => {
  const [anna, ben] = freshUsers();
  const message = {
    caller: SERVICE,
    senderId: anna,
    receiverId: ben,
    content: 'Hello',
    idempotencyKey: null,
  };
  const { message: sent } = await useCases.sendMessage(message);
  expect(await costOf(() => useCases.sendMessage(message))).toEqual({ reads: 0, writes: 3 });
  expect(await costOf(() => messageOf(sent.conversationId, ben))).toEqual({ reads: 2, writes: 3 });
});

test('a history, an edit and a mark in a group read a bounded number of rows, whatever its size', async () => {
  const users = usersOf(256);
  const [anna = assert.fail(), ben = assert.fail()] = users;
  const id = await groupOf(users);
  const { message } = await messageOf(id, anna);
  const caller = { kind: 'user', userId: ben } as const;
  const page = { before: null, limit: 20, page: null };
  const history = await costOf(() => useCases.listMessagesBefore({ caller, conversationId: id, ...page }));
  expect(history).toEqual({ reads: 3, writes: 0 });
  const change = { caller: SERVICE, conversationId: id, messageId: message.id };
  const edit = await costOf(() => useCases.editMessage({ ...change, content: 'Edited' }));
  expect(edit).toEqual({ reads: 5, writes: 65 });
  const mark = { caller, userId: ben, conversationId: id, upTo: message.id };
  expect(await costOf(() => useCases.markRead(mark))).toEqual({ reads: 2, writes: 2 });
});

test('an inbox with groups takes one query more for each group of the page', async () => {
  const owner = freshUser();
  for (let count = 0; count < 5; count += 1) {
    await storage.messages.append({
      ...appendRequest([freshUser(), owner], messageIds.next()),
      isLive: true,
    });
  }
  const page = { caller: SERVICE, userId: owner, before: null, limit: 20, page: null };
  expect(await costOf(() => useCases.listConversations(page))).toEqual({ reads: 1, writes: 0 });
  for (let count = 0; count < 5; count += 1) {
    const [other = assert.fail(), ...others] = usersOf(3);
    await messageOf(await groupOf([other, ...others, owner]), other);
  }
  expect(await costOf(() => useCases.listConversations(page))).toEqual({ reads: 6, writes: 0 });
  expect((await useCases.listConversations(page)).items).toHaveLength(10);
});

test('every page of a large inbox is exact, with groups that the user has left while they were sent to', async () => {
  const owner = freshUser();
  const groups: ConversationId[] = [];
  for (let count = 0; count < 4; count += 1) groups.push(await groupOf([...usersOf(2), owner]));
  const pairs = Array.from({ length: 90 }, () => [freshUser(), owner] as const);
  await forEachConcurrently(pairs.slice(0, 45), (pair) =>
    storage.messages.append({ ...appendRequest(pair, messageIds.next()), isLive: true }),
  );
  const [first = assert.fail(), second = assert.fail(), third = assert.fail()] = groups;
  for (const id of [first, second]) await storage.groups.leave(id, owner, messageIds.next());
  await forEachConcurrently(pairs.slice(45), (pair) =>
    storage.messages.append({ ...appendRequest(pair, messageIds.next()), isLive: true }),
  );
  // These sends have read the members before the user has left.
  for (const id of [first, second, third]) {
    const { participants } = (await useCases.getConversation({ caller: SERVICE, conversationId: id }))
      .conversation;
    const [senderId = assert.fail()] = participants;
    await storage.messages.append({
      message: {
        id: messageIds.next(),
        conversationId: id,
        senderId,
        receiverId: null,
        content: 'Not for all',
        editId: null,
        deletionId: null,
      },
      participants: [...participants, owner],
      idempotencyKey: null,
      isLive: true,
    });
  }
  const whole = await storage.conversations.listByUser(owner, { before: null, offset: 0, limit: 1_000 });
  expect(whole).toHaveLength(94);
  const places = whole.map(({ lastEventId }) => lastEventId);
  expect(places).toEqual([...places].sort().reverse());
  const placeOf = (id: ConversationId): Position | undefined =>
    whole.find(({ conversationId }) => conversationId === id)?.lastEventId;
  for (const id of [first, second]) {
    const left = (await storage.groups.findMembership(id, owner))?.left;
    expect(placeOf(id)).toBe(left);
  }
  expect(placeOf(third)).toBe(places[0]);
  for (const size of [1, 7, 30]) {
    const pages = await walk<InboxEntry>(
      (slice) => storage.conversations.listByUser(owner, slice),
      positionOf,
      size,
    );
    expect(pages).toEqual(whole);
  }
  const shown = await useCases.listConversations({
    caller: SERVICE,
    userId: owner,
    before: null,
    limit: 100,
    page: null,
  });
  for (const id of [first, second]) {
    expect(shown.items.find(({ conversationId }) => conversationId === id)?.lastMessage).toBeNull();
  }
});

test('a process whose clock is behind by more than the allowed skew does not change the members', async () => {
  const users = usersOf(3);
  const [, userId = assert.fail()] = users;
  const behindClock = { now: () => clock.now() - 3_000_000, latest: () => clock.latest() - 3_000_000 };
  const behind = await openStorage(options, undefined, behindClock);
  onTestFinished(() => behind.close());
  const event = makeMessageIds({ clock: behindClock }).next();
  const id = await groupOf(users);
  await expect(behind.groups.leave(id, userId, event)).rejects.toBeInstanceOf(ClockNotVerified);
  expect((await storage.groups.findMembership(id, userId))?.left).toBeNull();
  expect((await storage.groups.find(id))?.members.every(({ left }) => left === null)).toBe(true);
});

test('a user who has left does not see a name that the group got while the user was leaving', async () => {
  const users = usersOf(3);
  const [, userId = assert.fail()] = users;
  const id = await groupOf(users);
  /** Renames the group after the transaction of leaving. */
  class RenamingClient extends Client {
    override async execute(query: string, ...rest: unknown[]): Promise<types.ResultSet> {
      const answer = await super.execute(query, ...(rest as []));
      if (query.includes('UPDATE groups')) await storage.groups.rename(id, 'Later', messageIds.next());
      return answer;
    }
  }
  const leaving = await openStorage(options, new RenamingClient(clientOptions(options)));
  onTestFinished(() => leaving.close());
  expect(await leaving.groups.leave(id, userId, messageIds.next())).toBe('changed');
  expect(await storage.groups.findMembership(id, userId)).toMatchObject({ nameAtLeaving: 'Group' });
  expect(await storage.groups.findProfile(id)).toMatchObject({ name: 'Later' });
});

/** A client that loses the batches of some users, with their inboxes and logs. */
class LosingClient extends Client {
  isLost: (userId: UserId) => boolean = () => false;

  override async batch(...[statements, ...rest]: unknown[]): Promise<types.ResultSet> {
    if ((statements as { params: unknown[] }[]).some(({ params }) => this.isLost(params[0] as UserId))) {
      throw new errors.OperationTimedOutError('lost on the way there', 'somewhere');
    }
    return super.batch(statements as never, ...(rest as []));
  }
}

/** A process that loses batches and completes nothing in the background, as if it ended then. */
async function endingProcess() {
  const client = new LosingClient(clientOptions(options));
  const withinLimit = () => Promise.resolve();
  const ended = openCassandraStorage({ options, clock, messageIds, log: guardedLog, client, withinLimit });
  onTestFinished(() => ended.close());
  await ended.started;
  return { client, useCases: useCasesOver(ended, { clock, messageIds }) };
}

test('the repeat of a creation completes it, although a member has sent a message meanwhile', async () => {
  const users = usersOf(9).sort();
  const [creatorId = assert.fail(), senderId = assert.fail()] = users;
  const ended = await endingProcess();
  ended.client.isLost = (userId) => userId === users.at(-1);
  const creation = {
    caller: SERVICE,
    creatorId,
    participantIds: users,
    name: 'Group',
    idempotencyKey: freshKey(),
  };
  const first = ended.useCases.createGroup(creation);
  await expect(first).rejects.toMatchObject({ kind: 'outcome_unknown' });

  const [{ conversationId } = assert.fail()] = await storage.conversations.listByUser(senderId, top(1));
  const { message } = await messageOf(conversationId, senderId);
  expect((await useCases.createGroup(creation)).replayed).toBe(true);
  for (const userId of users) {
    const inbox = await storage.conversations.listByUser(userId, top(10));
    expect(inbox.map((entry) => [entry.conversationId, entry.lastMessage?.messageId])).toEqual([
      [conversationId, message.id],
    ]);
  }
});

test.each(['creation', 'join', 'second join'] as const)(
  'a user whose %s was interrupted sees the group with the messages that are sent from then on, and marks it as read',
  async (how) => {
    const users = usersOf(9).sort();
    const [creatorId = assert.fail(), senderId = assert.fail()] = users;
    const last = users.at(-1) ?? assert.fail();
    // More conversations than an inbox has that is read in one query.
    await forEachConcurrently(
      Array.from({ length: 70 }, () => appendRequest([freshUser(), last], messageIds.next(), 'Hi')),
      (request) => storage.messages.append(request),
    );
    const { client, useCases: ended } = await endingProcess();
    client.isLost = (userId) => how === 'creation' && userId === last;
    const participantIds = how === 'join' ? users.slice(0, -1) : users;
    const group = { caller: SERVICE, creatorId, participantIds, name: 'Group', idempotencyKey: null };
    const creation = ended.createGroup(group);
    if (how === 'creation') await expect(creation).rejects.toMatchObject({ kind: 'outcome_unknown' });
    else await creation;
    const [{ conversationId } = assert.fail()] = await storage.conversations.listByUser(senderId, top(1));
    if (how !== 'creation') {
      const change = { caller: SERVICE, conversationId, userId: last };
      if (how === 'second join') await ended.removeMember(change);
      client.isLost = (userId) => userId === last;
      await expect(ended.addMember(change)).rejects.toMatchObject({ kind: 'outcome_unknown' });
    }

    const { message } = await messageOf(conversationId, senderId);
    const shown = async () => {
      const page = { caller: SERVICE, userId: last, before: null, limit: 10, page: null };
      const [item] = (await useCases.listConversations(page)).items;
      return [item?.name, item?.lastMessage?.messageId, item?.unread];
    };
    expect(await shown()).toEqual(['Group', message.id, true]);
    await useCases.markRead({ caller: SERVICE, conversationId, userId: last, upTo: message.id });
    expect(await shown()).toEqual(['Group', message.id, false]);
    // So many entries are read by a scan.
    const scanned = await storage.conversations.listByUser(last, top(600));
    expect(scanned).toHaveLength(71);
    expect(scanned[0]?.lastMessage?.messageId).toBe(message.id);
  },
);
