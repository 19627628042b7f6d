import assert from 'node:assert/strict';
import { makeClock } from '../../src/adapters/system/clock.ts';
import { makeMessageIds } from '../../src/adapters/system/message-ids.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import { MAX_GROUP_SIZE } from '../../src/domain/group.ts';
import type { ConversationId, IdempotencyKey, MessageId, Position, UserId } from '../../src/domain/ids.ts';
import type { Contract, StorageSubject } from './contract.ts';
import { forEachConcurrently, freshKey, freshUser, top } from './fixtures.ts';

/** Ids of now: a join of long ago would be late. */
const ids = makeMessageIds({ clock: makeClock() });

const BOTTOM = '00000000-0000-7000-8000-000000000000' as Position;

export function freshUsersOf(count: number): UserId[] {
  return Array.from({ length: count }, freshUser);
}

async function createGroup(
  { groups }: Storage,
  users: readonly UserId[],
  options: { readonly name?: string; readonly key?: IdempotencyKey } = {},
) {
  const [creatorId = assert.fail()] = users;
  return groups.create({
    created: ids.next(),
    creatorId,
    participants: participantsOf(...users),
    name: options.name ?? null,
    idempotencyKey: options.key ?? null,
  });
}

/** The id of a new group of `users`, the first of whom creates it. */
async function newGroup(storage: Storage, users: readonly UserId[], name?: string): Promise<ConversationId> {
  const result = await createGroup(storage, users, name === undefined ? {} : { name });
  assert.ok(result.outcome === 'created');
  return result.id;
}

/** Appends a message to a group, with the members that were read before, or with `participants`. */
async function send(
  { messages, groups }: Storage,
  conversationId: ConversationId,
  senderId: UserId,
  given: {
    readonly id?: MessageId;
    readonly participants?: readonly UserId[];
    readonly key?: IdempotencyKey;
  } = {},
): Promise<MessageId> {
  const id = given.id ?? ids.next();
  const participants = given.participants ?? (await groups.listMembersAt(conversationId, id));
  const result = await messages.append({
    message: {
      id,
      conversationId,
      senderId,
      receiverId: null,
      content: 'Hello',
      editId: null,
      deletionId: null,
    },
    participants,
    idempotencyKey: given.key ?? null,
    isLive: true,
  });
  assert.ok(result.outcome !== 'key_reused');
  return result.message.id;
}

/** The events of a group in the log of a user, oldest first: their types and messages. */
async function eventsOf({ events }: Storage, userId: UserId, id: ConversationId): Promise<string[]> {
  const log = await events.listAfter(userId, BOTTOM, 1_000);
  return log
    .filter(({ conversationId }) => conversationId === id)
    .map((event) => ('messageId' in event ? `${event.type} ${event.messageId}` : event.type));
}

async function entryOf({ conversations }: Storage, userId: UserId, id: ConversationId) {
  const entries = await conversations.listByUser(userId, top(100));
  return entries.find(({ conversationId }) => conversationId === id) ?? null;
}

const created = (id: MessageId): string => `message.created ${id}`;

export const groupRepositoryContract = {
  'every process finds a created group, and only that': async ({ processes: [here, there] }) => {
    const users = freshUsersOf(3);
    const id = await newGroup(here, users, 'Lunch');
    const roster = await there.groups.find(id);
    assert.deepEqual(roster?.members.map(({ userId }) => userId).sort(), participantsOf(...users));
    assert.deepEqual(await there.groups.findProfile(id), { name: 'Lunch', creatorId: users[0] });
    const unknown = ids.next() as string as ConversationId;
    assert.equal(await here.groups.find(unknown), null);
    assert.equal(await here.groups.findProfile(unknown), null);
    assert.equal(await here.groups.findMembership(unknown, users[0] ?? assert.fail()), null);
    assert.equal(await here.groups.findMembership(id, freshUser()), null);
  },

  'a created group is in the inbox and the event log of each member': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(4);
    const id = await newGroup(here, users);
    for (const userId of users) {
      const entry = await entryOf(there, userId, id);
      assert.equal(entry?.lastMessage, null);
      assert.deepEqual(entry.participants, []);
      assert.equal(entry.membership?.left, null);
      assert.deepEqual(await eventsOf(there, userId, id), ['conversation.created']);
    }
  },

  'one key of a creator is one group, and no other request': async ({ processes: [here, there] }) => {
    const users = freshUsersOf(3);
    const key = freshKey();
    const results = await Promise.all(
      [here, there, here].map((storage) => createGroup(storage, users, { key })),
    );
    const groupIds = new Set(results.map((result) => result.outcome !== 'key_reused' && result.id));
    assert.equal(groupIds.size, 1);
    const other = await createGroup(there, users, { key, name: 'Other' });
    assert.equal(other.outcome, 'key_reused');
    const [userId = assert.fail()] = users;
    const inbox = await here.conversations.listByUser(userId, top(100));
    assert.equal(inbox.length, 1);
  },

  'a message is in the inbox and the event log of every member, and of nobody else': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(5);
    const [sender = assert.fail(), ...others] = users;
    const nonMember = freshUser();
    const id = await newGroup(here, users);
    const first = await send(there, id, sender);
    const second = await send(here, id, others[0] ?? assert.fail());
    for (const userId of users) {
      const entry = await entryOf(there, userId, id);
      assert.equal(entry?.lastMessage?.messageId, second);
      assert.equal(entry.lastEventId, second);
      assert.deepEqual(await eventsOf(here, userId, id), [
        'conversation.created',
        created(first),
        created(second),
      ]);
    }
    assert.equal(await entryOf(here, nonMember, id), null);
    assert.deepEqual(await eventsOf(here, nonMember, id), []);
  },

  'a keyed message is appended once, and its repeat adds nothing': async ({ processes: [here, there] }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail()] = users;
    const id = await newGroup(here, users);
    const key = freshKey();
    const first = await send(here, id, sender, { key });
    assert.equal(await send(there, id, sender, { key }), first);
    assert.deepEqual(
      (await here.messages.listBefore(id, top(10))).map((one) => one.id),
      [first],
    );
    for (const userId of users) {
      assert.deepEqual(await eventsOf(there, userId, id), ['conversation.created', created(first)]);
    }
  },

  'a new member has the messages above the event of joining, and no others': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail()] = users;
    const newMember = freshUser();
    const id = await newGroup(here, users);
    const before = await send(here, id, sender);
    const joined = ids.next();
    // The clock of its host is ahead: it was sent before, and its id is above the event.
    const above = await send(there, id, sender);
    assert.equal(await there.groups.join(id, newMember, joined), 'changed');
    const after = await send(here, id, sender);
    const events = await eventsOf(here, newMember, id);
    assert.deepEqual(events, ['conversation.created', created(above), created(after)]);
    assert.ok(!events.includes(created(before)));
    const entry = await entryOf(there, newMember, id);
    assert.equal(entry?.lastMessage?.messageId, after);
    assert.equal(entry.membership?.joined, joined);
    assert.deepEqual(await eventsOf(here, sender, id), [
      'conversation.created',
      created(before),
      'conversation.updated',
      created(above),
      created(after),
    ]);
  },

  'a send that has read the members before a join reaches the new member': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail()] = users;
    const newMember = freshUser();
    const id = await newGroup(here, users);
    await there.groups.join(id, newMember, ids.next());
    const sent = await send(here, id, sender, { participants: users });
    assert.equal((await entryOf(there, newMember, id))?.lastMessage?.messageId, sent);
    assert.deepEqual(await eventsOf(there, newMember, id), ['conversation.created', created(sent)]);
  },

  'a send that has read the members before one leaves does not move the inbox of that user': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail(), formerMember = assert.fail()] = users;
    const id = await newGroup(here, users);
    await send(here, id, sender);
    const left = ids.next();
    await there.groups.leave(id, formerMember, left);
    const other = await newGroup(here, [formerMember, ...freshUsersOf(2)]);
    await send(here, id, sender, { participants: users });
    for (const limit of [1, 2]) {
      const inbox = await there.conversations.listByUser(formerMember, top(limit));
      assert.deepEqual(
        inbox.map(({ conversationId }) => conversationId),
        [other, id].slice(0, limit),
      );
    }
    const entry = await entryOf(here, formerMember, id);
    assert.ok(entry !== null && entry.lastEventId <= left);
    const below = await here.conversations.listByUser(formerMember, {
      ...top(2),
      before: other as string as Position,
    });
    assert.deepEqual(below, [entry]);
  },

  'no message is missed or leaked while members join and leave concurrently': async ({ processes }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail()] = users;
    const newMembers = freshUsersOf(6);
    const id = await newGroup(processes[0], users);
    const sent: MessageId[] = [];
    const process = (index: number) => processes[index % 2 === 0 ? 0 : 1];
    const sends = forEachConcurrently(
      Array.from({ length: 60 }),
      async (_, index) => sent.push(await send(process(index), id, sender)),
      4,
    );
    const changes = forEachConcurrently(
      newMembers,
      async (userId, index) => {
        const { groups } = process(index);
        assert.equal(await groups.join(id, userId, ids.next()), 'changed');
        if (index % 2 === 0)
          assert.equal(await process(index + 1).groups.leave(id, userId, ids.next()), 'changed');
      },
      3,
    );
    await Promise.all([sends, changes]);
    for (const userId of [...users, ...newMembers]) {
      const membership = await processes[1].groups.findMembership(id, userId);
      assert.ok(membership !== null);
      const { joined, left } = membership;
      const covered = sent.filter((one) => one > joined && (left === null || one < left)).sort();
      const logged = (await eventsOf(processes[0], userId, id)).filter((event) =>
        event.startsWith('message'),
      );
      const isFor = (event: string): boolean => covered.some((one) => created(one) === event);
      assert.deepEqual(logged.filter(isFor), covered.map(created), 'every covered message is in the log');
      const entry = await entryOf(processes[0], userId, id);
      assert.ok(entry !== null);
      assert.ok(left === null || entry.lastEventId <= left, 'the entry stays at leaving');
      const last = covered.at(-1);
      if (left === null && last !== undefined) assert.equal(entry.lastMessage?.messageId, last);
    }
  },

  'a user who has left gets no message, and keeps the place in the inbox': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail(), formerMember = assert.fail()] = users;
    const id = await newGroup(here, users, 'Before');
    const last = await send(here, id, sender);
    assert.equal(await there.groups.leave(id, formerMember, ids.next()), 'changed');
    await here.groups.rename(id, 'After', ids.next());
    await send(there, id, sender);
    const entry = await entryOf(here, formerMember, id);
    assert.equal(entry?.lastEventId, last);
    assert.equal(entry.lastMessage?.messageId, last);
    assert.deepEqual(await eventsOf(here, formerMember, id), [
      'conversation.created',
      created(last),
      'conversation.left',
    ]);
    const membership = await there.groups.findMembership(id, formerMember);
    assert.ok(membership?.left !== null);
    assert.equal(membership?.nameAtLeaving, 'Before');
    assert.equal((await there.groups.findProfile(id))?.name, 'After');
  },

  'the users of a position are those who had joined before and left after it': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(3);
    const [, formerMember = assert.fail()] = users;
    const id = await newGroup(here, users);
    const first = ids.next();
    const newMember = freshUser();
    await here.groups.join(id, newMember, ids.next());
    const second = ids.next();
    await there.groups.leave(id, formerMember, ids.next());
    const third = ids.next();
    assert.deepEqual(await there.groups.listMembersAt(id, first), participantsOf(...users));
    assert.deepEqual(await there.groups.listMembersAt(id, second), participantsOf(...users, newMember));
    const stayed = users.filter((userId) => userId !== formerMember);
    assert.deepEqual(await here.groups.listMembersAt(id, third), participantsOf(...stayed, newMember));
  },

  'a user who joins again has the later membership only': async ({ processes: [here, there] }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail(), userId = assert.fail()] = users;
    const id = await newGroup(here, users);
    const first = await send(here, id, sender);
    await here.groups.leave(id, userId, ids.next());
    await send(here, id, sender);
    const joined = ids.next();
    await there.groups.join(id, userId, joined);
    const entry = await entryOf(here, userId, id);
    assert.equal(entry?.lastEventId, joined);
    assert.equal(entry.lastMessage, null);
    const membership = await here.groups.findMembership(id, userId);
    assert.deepEqual(membership, { joined, left: null, nameAtLeaving: null });
    assert.ok(!(await here.groups.listMembersAt(id, first)).includes(userId));
    const last = await send(there, id, sender);
    assert.equal((await entryOf(here, userId, id))?.lastMessage?.messageId, last);
  },

  'joining and leaving are idempotent': async ({ processes: [here, there] }) => {
    const users = freshUsersOf(3);
    const [, userId = assert.fail()] = users;
    const newMember = freshUser();
    const id = await newGroup(here, users);
    assert.equal(await here.groups.leave(id, newMember, ids.next()), 'never_a_member');
    await here.groups.join(id, newMember, ids.next());
    const joined = await here.groups.findMembership(id, newMember);
    assert.equal(await there.groups.join(id, newMember, ids.next()), 'unchanged');
    assert.equal(await there.groups.join(id, userId, ids.next()), 'unchanged');
    await there.groups.leave(id, userId, ids.next());
    const left = await here.groups.findMembership(id, userId);
    assert.equal(await here.groups.leave(id, userId, ids.next()), 'unchanged');
    assert.deepEqual(await there.groups.findMembership(id, newMember), joined);
    assert.deepEqual(await there.groups.findMembership(id, userId), left);
    assert.deepEqual(await eventsOf(here, newMember, id), ['conversation.created', 'conversation.updated']);
  },

  'a group never has more than its maximum of members, whatever the order of joins': async ({
    processes,
  }) => {
    const users = freshUsersOf(MAX_GROUP_SIZE - 3);
    const id = await newGroup(processes[0], users);
    const newMembers = freshUsersOf(8);
    const outcomes: string[] = [];
    await forEachConcurrently(
      newMembers,
      async (userId, index) => {
        outcomes.push(await processes[index % 2 === 0 ? 0 : 1].groups.join(id, userId, ids.next()));
      },
      8,
    );
    assert.deepEqual(outcomes.sort(), [
      ...Array<string>(3).fill('changed'),
      ...Array<string>(5).fill('group_full'),
    ]);
    const now = ids.next();
    assert.equal((await processes[1].groups.listMembersAt(id, now)).length, MAX_GROUP_SIZE);
  },

  'former members stay known, however many leave': async ({ processes: [here, there] }) => {
    const users = freshUsersOf(80);
    const id = await newGroup(here, users);
    const [sender = assert.fail(), ...others] = users;
    const sent = await send(here, id, sender);
    await forEachConcurrently(others, (userId) => there.groups.leave(id, userId, ids.next()), 2);
    assert.deepEqual(await here.groups.listMembersAt(id, sent), participantsOf(...users));
    assert.deepEqual(await here.groups.listMembersAt(id, ids.next()), [sender]);
    for (const userId of others.slice(0, 3)) {
      assert.ok((await here.groups.findMembership(id, userId))?.left !== null);
      assert.equal(await here.groups.leave(id, userId, ids.next()), 'unchanged');
    }
    const [again = assert.fail()] = others;
    assert.equal(await here.groups.join(id, again, ids.next()), 'changed');
    assert.deepEqual(await there.groups.listMembersAt(id, ids.next()), participantsOf(sender, again));
  },

  'a name stays until the next one, and its change is an event of every member': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(3);
    const id = await newGroup(here, users, 'One');
    await there.groups.rename(id, 'Two', ids.next());
    await here.groups.rename(id, 'Three', ids.next());
    assert.equal((await there.groups.findProfile(id))?.name, 'Three');
    for (const userId of users) {
      const expected = ['conversation.created', 'conversation.updated', 'conversation.updated'];
      assert.deepEqual(await eventsOf(there, userId, id), expected);
    }
  },

  'what is unread is counted from joining to leaving': async ({ processes: [here, there] }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail(), formerMember = assert.fail()] = users;
    const newMember = freshUser();
    const id = await newGroup(here, users);
    await send(here, id, sender);
    await send(here, id, sender);
    await here.groups.join(id, newMember, ids.next());
    await send(here, id, sender);
    await there.groups.leave(id, formerMember, ids.next());
    await send(here, id, sender);
    await send(here, id, sender);
    const countOf = async (userId: UserId): Promise<number> => {
      const entry = (await entryOf(there, userId, id)) ?? assert.fail();
      return there.readPositions.countUnread(userId, entry, entry.membership);
    };
    assert.equal(await countOf(newMember), 3);
    assert.equal(await countOf(formerMember), 3);
    assert.equal(await countOf(sender), 0);
    const marked = await there.readPositions.mark({
      userId: formerMember,
      conversationId: id,
      upTo: ids.next(),
    });
    const entry = await entryOf(here, formerMember, id);
    assert.equal(marked, entry?.lastEventId);
    assert.equal(await countOf(formerMember), 0);
    assert.deepEqual(
      (await eventsOf(here, sender, id)).filter((event) => event === 'conversation.read'),
      [],
    );
  },

  'an edit and a deletion reach the members who have the message, and not those who left': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(4);
    const [sender = assert.fail(), member = assert.fail(), formerMember = assert.fail()] = users;
    const newMember = freshUser();
    const id = await newGroup(here, users);
    const sent = await send(here, id, sender);
    await here.groups.leave(id, formerMember, ids.next());
    await here.groups.join(id, newMember, ids.next());
    const change = { conversationId: id, messageId: sent, participants: users };
    await there.messages.edit({ ...change, editId: ids.next(), content: 'Edited' });
    const preview = async (userId: UserId) => (await entryOf(here, userId, id))?.lastMessage?.preview;
    assert.equal(await preview(member), 'Edited');
    assert.equal(await preview(formerMember), 'Hello');
    await there.messages.delete({ ...change, deletionId: ids.next() });
    assert.equal(await preview(member), null);
    assert.equal(
      await preview(formerMember),
      null,
      'the deletion overwrites the content for one who left, too',
    );
    const changes = async (userId: UserId): Promise<string[]> =>
      (await eventsOf(here, userId, id)).filter((event) => /edited|deleted/.test(event));
    assert.deepEqual(await changes(member), [`message.edited ${sent}`, `message.deleted ${sent}`]);
    assert.deepEqual(await changes(formerMember), []);
    assert.deepEqual(await changes(newMember), []);
  },

  'a deletion overwrites the content in the inbox of one who left while the message was sent': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail(), formerMember = assert.fail()] = users;
    const id = await newGroup(here, users);
    const left = ids.next();
    // Its id is above the event of leaving, but it has read the members before they changed.
    const sent = await send(here, id, sender);
    await there.groups.leave(id, formerMember, left);
    await there.messages.delete({
      conversationId: id,
      messageId: sent,
      participants: users,
      deletionId: ids.next(),
    });
    const entry = await entryOf(here, formerMember, id);
    assert.ok(entry !== null && entry.lastEventId <= left);
    assert.ok(entry.lastMessage?.messageId !== sent || entry.lastMessage.preview === null);
  },

  'an edit and a deletion by a process whose clock is behind reach a member who has just joined': async ({
    processes: [here, there],
  }) => {
    const users = freshUsersOf(3);
    const [sender = assert.fail()] = users;
    const newMember = freshUser();
    const id = await newGroup(here, users);
    const [editId, deletionId] = [ids.next(), ids.next()];
    await here.groups.join(id, newMember, ids.next());
    const sent = await send(here, id, sender);
    const change = { conversationId: id, messageId: sent, participants: users };
    const preview = async () => (await entryOf(here, newMember, id))?.lastMessage?.preview;
    await there.messages.edit({ ...change, editId, content: 'Edited' });
    assert.equal(await preview(), 'Edited');
    await there.messages.delete({ ...change, deletionId });
    assert.equal(await preview(), null);
    const changes = (await eventsOf(here, newMember, id)).filter((event) => /edited|deleted/.test(event));
    assert.deepEqual(changes, [`message.edited ${sent}`, `message.deleted ${sent}`]);
  },
} satisfies Contract<StorageSubject>;
