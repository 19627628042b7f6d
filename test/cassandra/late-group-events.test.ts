import assert from 'node:assert/strict';
import { Client, errors, type types } from 'cassandra-driver';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { clientOptions, type CassandraOptions } from '../../src/adapters/cassandra/connect.ts';
import { openCassandraStorage } from '../../src/adapters/cassandra/storage.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { ReportedEvent } from '../../src/application/list-events.ts';
import { StorageFailure } from '../../src/application/ports/storage-failure.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import { latenessLimits, visibilityWindow } from '../../src/domain/event.ts';
import type { ConversationId, MessageId, UserId } from '../../src/domain/ids.ts';
import { freshUser, idAt, top } from '../contracts/fixtures.ts';
import { list, listAll } from '../contracts/following.ts';
import type { FollowedSubject } from '../support/followed-state.ts';
import { followingOver, settableClock } from '../support/following.ts';
import { guardedLog } from '../support/log-leak-guard.ts';
import { freshKeyspace } from './cluster.ts';
import { mutationsOf, type BatchStatement } from './mutations.ts';

/*
 * Events of groups that reach a log after its readers have passed them: the write is held back at the driver until every
 * cursor is above the id of the event.
 */

let options: CassandraOptions;

beforeAll(async () => {
  options = await freshKeyspace();
});

/** A client of a real cluster that holds back the next write to one event log, or loses it. */
class DelayingClient extends Client {
  #held: { userId: UserId; reach: () => void; outcome: Promise<void> } | null = null;

  /** Resolves when the next write to the log of `userId` is there. It is applied if `outcome` resolves. */
  hold(userId: UserId, outcome: Promise<void>): Promise<void> {
    return new Promise((reach) => {
      this.#held = { userId, reach, outcome };
    });
  }

  override async batch(...[statements, ...rest]: unknown[]): Promise<types.ResultSet> {
    const mutations = mutationsOf(statements as BatchStatement[]).map((mutation) =>
      this.#write(mutation, rest),
    );
    await Promise.allSettled(mutations);
    return (await Promise.all(mutations))[0] ?? assert.fail();
  }

  async #write(mutation: BatchStatement[], rest: readonly unknown[]): Promise<types.ResultSet> {
    const held = this.#held;
    const isHeld = mutation.some(
      ({ query, params }) => query.includes('INTO events_by_user') && params[0] === held?.userId,
    );
    if (held !== null && isHeld) {
      this.#held = null;
      held.reach();
      await held.outcome;
    }
    return super.batch(mutation, ...(rest as []));
  }
}

interface Subject extends FollowedSubject {
  readonly client: DelayingClient;
  /** Lets the attempts in the background begin; they wait until then. */
  readonly complete: () => void;
  readonly groupId: ConversationId;
  readonly messageId: MessageId;
}

const USERS = ['anna', 'ben', 'carl', 'dora'] as const;
type Name = (typeof USERS)[number];
type People = Readonly<Record<Name, UserId>>;

/** A group of Anna, who created it, Ben and Carl, with a message of Anna. Dora is not a member. */
async function open(people: People): Promise<Subject> {
  const moving = settableClock();
  const client = new DelayingClient(clientOptions(options));
  let complete = (): void => undefined;
  const mayComplete = new Promise<void>((resolve) => {
    complete = resolve;
  });
  const storage = openCassandraStorage({
    options,
    clock: moving.clock,
    messageIds: makeMessageIds(moving),
    log: guardedLog,
    withinLimit: (work) => mayComplete.then(work),
    client,
  });
  onTestFinished(async () => {
    complete();
    await storage.close();
  });
  await storage.started;
  const window = visibilityWindow(latenessLimits(options));
  const subject = followingOver(storage, moving, window);
  const { anna, ben, carl } = people;
  const { conversation } = await subject.useCases.createGroup({
    caller: SERVICE,
    creatorId: anna,
    participantIds: [anna, ben, carl],
    name: null,
    idempotencyKey: null,
  });
  const { message } = await subject.useCases.sendToConversation({
    caller: SERVICE,
    senderId: anna,
    conversationId: conversation.id,
    content: 'Hello',
    idempotencyKey: null,
  });
  return { ...subject, client, complete, groupId: conversation.id, messageId: message.id };
}

interface Change {
  readonly how: string;
  readonly work: (subject: Subject, people: People) => Promise<unknown>;
  /** The users who get an event, with its type. */
  readonly notified: readonly (readonly [Name, ReportedEvent['type']])[];
}

const CHANGES: readonly Change[] = [
  {
    how: 'a join',
    work: ({ useCases, groupId }, { dora }) =>
      useCases.addMember({ caller: SERVICE, conversationId: groupId, userId: dora }),
    notified: [
      ['dora', 'conversation.created'],
      ['ben', 'conversation.updated'],
    ],
  },
  {
    how: 'a departure',
    work: ({ useCases, groupId }, { carl }) =>
      useCases.removeMember({ caller: SERVICE, conversationId: groupId, userId: carl }),
    notified: [
      ['carl', 'conversation.updated'],
      ['ben', 'conversation.updated'],
    ],
  },
  {
    how: 'a message',
    work: ({ useCases, groupId }, { anna }) =>
      useCases.sendToConversation({
        caller: SERVICE,
        senderId: anna,
        conversationId: groupId,
        content: 'Late',
        idempotencyKey: null,
      }),
    notified: [
      ['anna', 'message.created'],
      ['ben', 'message.created'],
    ],
  },
  {
    how: 'an edit',
    work: ({ useCases, groupId, messageId }) =>
      useCases.editMessage({ caller: SERVICE, conversationId: groupId, messageId, content: 'Edited' }),
    notified: [['ben', 'message.edited']],
  },
  {
    how: 'a deletion',
    work: ({ useCases, groupId, messageId }) =>
      useCases.deleteMessage({ caller: SERVICE, conversationId: groupId, messageId }),
    notified: [['ben', 'message.deleted']],
  },
];

/** Each change with each user whose log is written late. */
const CASES = CHANGES.flatMap(({ notified, ...change }) =>
  notified.map(([name, type]) => ({ ...change, name, type })),
);

function freshPeople(): People {
  return Object.fromEntries(USERS.map((name) => [name, freshUser()])) as Record<Name, UserId>;
}

/** Begins `work`, whose event for `userId` has the given outcome, and lets the reader pass the event meanwhile. */
async function passed(
  subject: Subject,
  userId: UserId,
  work: () => Promise<unknown>,
  outcome: (decide: { apply: () => void; lose: () => void }) => void,
) {
  let decide = { apply: (): void => undefined, lose: (): void => undefined };
  const decided = new Promise<void>((resolve, reject) => {
    decide = {
      apply: resolve,
      lose: () => reject(new errors.OperationTimedOutError('lost on the way there', 'somewhere')),
    };
  });
  const { cursor: begun } = await list(subject, userId, null);
  const reached = subject.client.hold(userId, decided);
  const working = work();
  await Promise.race([reached, working]);
  subject.pass(2 * subject.visibilityWindow);
  const { ids, cursor } = await listAll(subject, userId, begun);
  expect(ids).toEqual([]);
  outcome(decide);
  return { working, cursor };
}

async function typesAfter(subject: Subject, userId: UserId, cursor: Parameters<typeof list>[2]) {
  return (await list(subject, userId, cursor)).events.map(({ type }) => type);
}

describe('an event that reaches a log behind the cursor of its reader is received:', () => {
  test.each(CASES)('$how, by $name', async ({ work, name, type }) => {
    const people = freshPeople();
    const subject = await open(people);
    const { working, cursor } = await passed(
      subject,
      people[name],
      () => work(subject, people),
      ({ apply }) => apply(),
    );
    await working;
    expect(await typesAfter(subject, people[name], cursor)).toContain(type);
  });
});

describe('an event that is lost, and completed in the background behind the cursor of its reader, is received:', () => {
  test.each(CASES)('$how, by $name', async ({ work, name, type }) => {
    const people = freshPeople();
    const subject = await open(people);
    const { working, cursor } = await passed(
      subject,
      people[name],
      () => work(subject, people),
      ({ lose }) => lose(),
    );
    await expect(working).rejects.toBeInstanceOf(StorageFailure);
    subject.complete();
    await expect.poll(() => typesAfter(subject, people[name], cursor), { timeout: 20_000 }).toContain(type);
  });
});

test('a late message does not move the group of a user who left and joined again meanwhile', async () => {
  const people = freshPeople();
  const subject = await open(people);
  const { storage, useCases, groupId, pass, visibilityWindow } = subject;
  const { anna, ben, carl } = people;
  const id = idAt(subject.now());
  const change = { caller: SERVICE, conversationId: groupId, userId: carl };
  await useCases.removeMember(change);
  await useCases.addMember(change);
  const positionsOf = async () => {
    const entries = await storage.conversations.listByUser(carl, top(10));
    return entries.map(({ lastEventId }) => lastEventId);
  };
  const before = await positionsOf();
  pass(2 * visibilityWindow);
  const message = {
    id,
    conversationId: groupId,
    senderId: anna,
    receiverId: null,
    content: 'Late',
    editId: null,
    deletionId: null,
  };
  await storage.messages.append({
    message,
    // As they were before Carl left.
    participants: [anna, ben, carl],
    idempotencyKey: null,
    isLive: true,
  });
  expect(await positionsOf()).toEqual(before);
  const [entry] = await storage.conversations.listByUser(ben, top(1));
  expect(entry?.lastMessage?.messageId).toBe(id);
});
