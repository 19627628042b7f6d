import assert from 'node:assert/strict';
import type { UseCaseName, UseCases } from '../../src/application/use-cases.ts';
import { MAX_HASHES, type EventCursor } from '../../src/domain/event-cursor.ts';
import { SERVICE, type Caller } from '../../src/domain/caller.ts';
import type { ConversationId, IdempotencyKey, MessageId, UserId } from '../../src/domain/ids.ts';
import { Refusal, type RefusalCode } from '../../src/domain/refusal.ts';
import { freshKey, freshUser, freshUsers, conversationIdFor } from './fixtures.ts';
import type { Contract } from './contract.ts';

const as = (userId: UserId): Caller => ({ kind: 'user', userId });
const TOP = { before: null, limit: 100, page: 1 };

function sendAs(
  { sendMessage }: UseCases,
  caller: Caller,
  [senderId, receiverId]: readonly [UserId, UserId],
  idempotencyKey: IdempotencyKey | null = null,
) {
  return sendMessage({ caller, senderId, receiverId, content: 'Between us', idempotencyKey });
}

/** Requests that read a conversation. */
type ReadsOf = (
  useCases: UseCases,
  caller: Caller,
  conversationId: ConversationId,
) => readonly Promise<unknown>[];

const getRequests: ReadsOf = ({ getConversation }, caller, conversationId) => [
  getConversation({ caller, conversationId }),
];

/** The first page, and a later one. */
const listRequests: ReadsOf = ({ listMessagesBefore }, caller, conversationId) =>
  [{}, { limit: 1, page: 2 }].map((page) => listMessagesBefore({ caller, conversationId, ...TOP, ...page }));

/** Requests of every use case that reads a conversation. */
const requestsFor: ReadsOf = (...given) => [...getRequests(...given), ...listRequests(...given)];

async function assertRefused(code: RefusalCode, ...requests: readonly Promise<unknown>[]): Promise<void> {
  for (const { status, ...end } of await Promise.allSettled(requests)) {
    assert.equal(status, 'rejected', code);
    assert.ok('reason' in end && end.reason instanceof Refusal, code);
    assert.equal(end.reason.code, code);
  }
}

/** The result of `request`; fails on a refusal. */
async function granted<Result>(request: Promise<Result>): Promise<Result> {
  return request.catch((error: unknown) => {
    if (error instanceof Refusal) assert.fail(`refused: ${error.code}`);
    throw error;
  });
}

/** Asserts that non-participants get the same refusal as for a conversation that does not exist. */
async function assertHidden(useCases: UseCases, readsOf: ReadsOf): Promise<void> {
  const [anna, ben] = freshUsers();
  const [carl, dora] = freshUsers();
  await sendAs(useCases, as(anna), [anna, ben]);
  // A user with a conversation with one of the two is not a participant of their conversation.
  await sendAs(useCases, as(carl), [carl, anna]);
  const toEmpty = freshUser();
  await useCases.startConversation({ caller: as(anna), participantIds: [anna, toEmpty] });
  const refusalsOf = async (caller: Caller, id: ConversationId): Promise<string[]> => {
    const requests = readsOf(useCases, caller, id);
    await assertRefused('conversation_not_found', ...requests);
    return Promise.all(
      requests.map((request) =>
        request.then(
          () => '',
          (error: unknown) => String(error),
        ),
      ),
    );
  };
  for (const caller of [as(carl), as(dora)]) {
    const unknown = await refusalsOf(caller, conversationIdFor(anna, freshUser()));
    assert.deepEqual(await refusalsOf(caller, conversationIdFor(anna, ben)), unknown);
    assert.deepEqual(await refusalsOf(caller, conversationIdFor(anna, toEmpty)), unknown);
  }
}

/** A valid id of a message that does not exist. */
const NO_MESSAGE = '019c1363-4a3b-71c8-b15c-0ffee0ddba11' as MessageId;

type MessageRequest = (
  useCases: UseCases,
  message: { caller: Caller; conversationId: ConversationId; messageId: MessageId },
) => Promise<unknown>;

const getOne: MessageRequest = ({ getMessage }, message) => getMessage(message);
const editOne: MessageRequest = ({ editMessage }, message) => editMessage({ ...message, content: 'Edited' });
const deleteOne: MessageRequest = ({ deleteMessage }, message) => deleteMessage(message);

/** Asserts that non-participants get the same refusal for every message, and participants another one for unknown ones. */
async function assertMessageHidden(useCases: UseCases, request: MessageRequest): Promise<void> {
  const [anna, ben] = freshUsers();
  const [carl, dora] = freshUsers();
  const { message } = await sendAs(useCases, as(anna), [anna, ben]);
  // A user with a conversation with one of the two is not a participant of their conversation.
  const elsewhere = await sendAs(useCases, as(carl), [carl, anna]);
  const conversationId = conversationIdFor(anna, ben);
  for (const caller of [as(carl), as(dora)]) {
    for (const messageId of [message.id, NO_MESSAGE, elsewhere.message.id]) {
      for (const id of [conversationId, conversationIdFor(anna, freshUser())]) {
        const refused = request(useCases, { caller, conversationId: id, messageId });
        await assertRefused('conversation_not_found', refused);
      }
    }
  }
  for (const caller of [as(anna), as(ben), SERVICE]) {
    for (const messageId of [NO_MESSAGE, elsewhere.message.id]) {
      await assertRefused('message_not_found', request(useCases, { caller, conversationId, messageId }));
    }
  }
  const found = await useCases.getMessage({ caller: SERVICE, conversationId, messageId: message.id });
  assert.deepEqual(found, message, 'nothing has changed');
}

/** Asserts that the sender and services, but no other participant, may change a message; also a deleted one. */
async function assertOwn(useCases: UseCases, request: MessageRequest): Promise<void> {
  const [anna, ben] = freshUsers();
  for (const caller of [as(anna), SERVICE]) {
    const { message } = await sendAs(useCases, as(anna), [anna, ben]);
    const about = { conversationId: message.conversationId, messageId: message.id };
    await assertRefused('message_of_another', request(useCases, { caller: as(ben), ...about }));
    assert.deepEqual(await useCases.getMessage({ caller: SERVICE, ...about }), message, 'it is unchanged');
    await granted(request(useCases, { caller, ...about }));
    assert.notDeepEqual(await useCases.getMessage({ caller: as(ben), ...about }), message);
    await granted(useCases.deleteMessage({ caller: SERVICE, ...about }));
    await assertRefused('message_of_another', request(useCases, { caller: as(ben), ...about }));
  }
}

/** Creates a group of `users`, the first of whom is its creator. Resolves with its id. */
async function groupOf(useCases: UseCases, users: readonly UserId[]): Promise<ConversationId> {
  const [creatorId = assert.fail()] = users;
  const created = await useCases.createGroup({
    caller: SERVICE,
    creatorId,
    participantIds: users,
    name: 'Group',
    idempotencyKey: null,
  });
  return created.conversation.id;
}

function sendToConversationAs(
  { sendToConversation }: UseCases,
  caller: Caller,
  senderId: UserId,
  conversationId: ConversationId,
) {
  return sendToConversation({
    caller,
    senderId,
    conversationId,
    content: 'Between us',
    idempotencyKey: null,
  });
}

/** Changes of a group, each with the refusal that a former member gets. */
type GroupChange = (useCases: UseCases, caller: Caller, conversationId: ConversationId) => Promise<unknown>;

/** Asserts that members and services may change a group, and that others get the refusal for one that does not exist. */
async function assertForMembers(useCases: UseCases, change: GroupChange): Promise<void> {
  const [anna, ben, carl, dora, eve] = [freshUser(), freshUser(), freshUser(), freshUser(), freshUser()];
  const id = await groupOf(useCases, [anna, ben, carl]);
  await groupOf(useCases, [anna, dora, eve]);
  const unknown = NO_MESSAGE as string as ConversationId;
  const before = await useCases.getConversation({ caller: SERVICE, conversationId: id });
  for (const conversationId of [id, unknown]) {
    await assertRefused(
      'conversation_not_found',
      change(useCases, as(dora), conversationId),
      change(useCases, as(freshUser()), conversationId),
    );
  }
  await useCases.removeMember({ caller: SERVICE, conversationId: id, userId: carl });
  await assertRefused('member_left', change(useCases, as(carl), id));
  const { conversation } = await useCases.getConversation({ caller: SERVICE, conversationId: id });
  const participants = before.conversation.participants.filter((userId) => userId !== carl);
  assert.deepEqual(conversation, { ...before.conversation, participants }, 'it is unchanged');
  for (const caller of [as(anna), as(ben), SERVICE]) await granted(change(useCases, caller, id));
}

/**
 * The access rules of use cases, in more detail than the model has them: what a refusal reveals, and what is unchanged after
 * it. `test/unit/model.test.ts` checks that every use case has access rules.
 */
export const accessContracts = {
  getConversation: {
    'participants and services read a conversation': async (useCases) => {
      const [anna, ben] = freshUsers();
      const { message } = await sendAs(useCases, as(anna), [anna, ben]);
      for (const caller of [as(anna), as(ben), SERVICE]) {
        const [summary] = await granted(
          Promise.all(getRequests(useCases, caller, conversationIdFor(anna, ben))),
        );
        assert.deepEqual(summary, {
          conversation: {
            id: conversationIdFor(anna, ben),
            participants: [anna, ben].sort(),
            created: message.id,
          },
          lastMessage: message,
          readPositions: [anna, ben]
            .sort()
            .map((userId) => ({ userId, readUpTo: userId === anna ? message.id : null })),
        });
      }
    },

    'non-participants get the same refusal as for a conversation that does not exist': (useCases) =>
      assertHidden(useCases, getRequests),
  },

  listMessagesBefore: {
    'participants and services list the messages of a conversation': async (useCases) => {
      const [anna, ben] = freshUsers();
      const { message } = await sendAs(useCases, as(anna), [anna, ben]);
      for (const caller of [as(anna), as(ben), SERVICE]) {
        const pages = await granted(
          Promise.all(listRequests(useCases, caller, conversationIdFor(anna, ben))),
        );
        assert.deepEqual(pages, [
          { items: [message], next: null },
          { items: [], next: null },
        ]);
      }
    },

    'non-participants get the same refusal as for a conversation that does not exist': (useCases) =>
      assertHidden(useCases, listRequests),
  },

  getMessage: {
    'participants and services read a message': async (useCases) => {
      const [anna, ben] = freshUsers();
      const { message } = await sendAs(useCases, as(anna), [anna, ben]);
      const about = { conversationId: message.conversationId, messageId: message.id };
      for (const caller of [as(anna), as(ben), SERVICE]) {
        assert.deepEqual(await granted(getOne(useCases, { caller, ...about })), message);
      }
    },

    'non-participants get the same refusal as for a conversation that does not exist': (useCases) =>
      assertMessageHidden(useCases, getOne),
  },

  editMessage: {
    'only its sender or a service edits a message': (useCases) => assertOwn(useCases, editOne),

    'non-participants get the same refusal as for a conversation that does not exist': (useCases) =>
      assertMessageHidden(useCases, editOne),
  },

  deleteMessage: {
    'only its sender or a service deletes a message': (useCases) => assertOwn(useCases, deleteOne),

    'non-participants get the same refusal as for a conversation that does not exist': (useCases) =>
      assertMessageHidden(useCases, deleteOne),
  },

  sendMessage: {
    'a user cannot send as another user, and the refused message is not stored': async (useCases) => {
      const [anna, ben] = freshUsers();
      const carl = freshUser();
      await assertRefused(
        'sender_is_another',
        sendAs(useCases, as(carl), [anna, ben]),
        sendAs(useCases, as(ben), [anna, ben]),
        sendAs(useCases, as(carl), [anna, carl], freshKey()),
      );
      for (const id of [conversationIdFor(anna, ben), conversationIdFor(anna, carl)]) {
        await assertRefused('conversation_not_found', ...requestsFor(useCases, SERVICE, id));
      }
      const { message } = await sendAs(useCases, SERVICE, [anna, ben]);
      assert.equal(message.senderId, anna);
    },

    'a refusal does not reveal whether another sender has used the key': async (useCases) => {
      const [anna, ben] = freshUsers();
      const carl = freshUser();
      const key = freshKey();
      const { message } = await sendAs(useCases, as(anna), [anna, ben], key);
      await assertRefused('sender_is_another', sendAs(useCases, as(carl), [anna, ben], key));
      const own = await sendAs(useCases, as(carl), [carl, ben], key);
      assert.equal(own.replayed, false);
      assert.notEqual(own.message.id, message.id);
      // Carl's use of the key does not affect anna.
      assert.deepEqual(await sendAs(useCases, as(anna), [anna, ben], key), { message, replayed: true });
    },
  },

  sendToConversation: {
    'only participants send to a conversation, each under their own id': async (useCases) => {
      const [anna, ben, carl, dora] = [freshUser(), freshUser(), freshUser(), freshUser()];
      const id = await groupOf(useCases, [anna, ben, carl]);
      await assertRefused(
        'sender_is_another',
        sendToConversationAs(useCases, as(dora), anna, id),
        sendToConversationAs(useCases, as(ben), anna, id),
      );
      await sendAs(useCases, as(anna), [anna, ben]);
      for (const conversationId of [
        id,
        conversationIdFor(anna, ben),
        NO_MESSAGE as string as ConversationId,
      ]) {
        await assertRefused(
          'conversation_not_found',
          sendToConversationAs(useCases, as(dora), dora, conversationId),
          sendToConversationAs(useCases, SERVICE, dora, conversationId),
        );
      }
      await useCases.removeMember({ caller: SERVICE, conversationId: id, userId: carl });
      await assertRefused(
        'member_left',
        sendToConversationAs(useCases, as(carl), carl, id),
        sendToConversationAs(useCases, SERVICE, carl, id),
      );
      const history = () => useCases.listMessagesBefore({ caller: SERVICE, conversationId: id, ...TOP });
      assert.deepEqual((await history()).items, []);
      for (const caller of [as(anna), SERVICE])
        await granted(sendToConversationAs(useCases, caller, anna, id));
      await granted(sendToConversationAs(useCases, as(ben), ben, conversationIdFor(anna, ben)));
    },

    'a repeat of a stored message gives the same message, although its sender has left since': async (
      useCases,
    ) => {
      const [anna, ben, carl] = [freshUser(), freshUser(), freshUser()];
      const conversationId = await groupOf(useCases, [anna, ben, carl]);
      const send = (content: string, idempotencyKey: IdempotencyKey) =>
        useCases.sendToConversation({
          caller: as(ben),
          senderId: ben,
          conversationId,
          content,
          idempotencyKey,
        });
      const key = freshKey();
      const { message } = await granted(send('Sent', key));
      await useCases.removeMember({ caller: as(anna), conversationId, userId: ben });
      const { recipients: _, ...repeated } = await granted(send('Sent', key));
      assert.deepEqual(repeated, { message, replayed: true });
      await assertRefused('idempotency_key_reused', send('Another', key));
      const elsewhere = freshKey();
      await granted(sendAs(useCases, as(ben), [ben, anna], elsewhere));
      await assertRefused('member_left', send('Sent', elsewhere));
      await assertRefused('member_left', send('Sent', freshKey()));
      const history = await useCases.listMessagesBefore({ caller: SERVICE, conversationId, ...TOP });
      assert.deepEqual(history.items, [message]);
    },
  },

  createGroup: {
    'a user creates a group only under their own id and as a participant': async (useCases) => {
      const [anna, ben, carl, dora] = [freshUser(), freshUser(), freshUser(), freshUser()];
      const create = (caller: Caller, creatorId: UserId) =>
        useCases.createGroup({
          caller,
          creatorId,
          participantIds: [anna, ben, carl],
          name: null,
          idempotencyKey: null,
        });
      await assertRefused('creator_is_another', create(as(dora), anna), create(as(ben), anna));
      await assertRefused('participants_are_others', create(as(dora), dora), create(SERVICE, dora));
      const inbox = await useCases.listConversations({ caller: SERVICE, userId: anna, ...TOP });
      assert.deepEqual(inbox.items, []);
      for (const caller of [as(anna), SERVICE]) await granted(create(caller, anna));
    },
  },

  addMember: {
    'any member or a service adds a user': (useCases) =>
      assertForMembers(useCases, ({ addMember }, caller, conversationId) =>
        addMember({ caller, conversationId, userId: freshUser() }),
      ),

    'a new member sees nothing from before': async (useCases) => {
      const [anna, ben, carl, dora] = [freshUser(), freshUser(), freshUser(), freshUser()];
      const id = await groupOf(useCases, [anna, ben, carl]);
      const { message: before } = await sendToConversationAs(useCases, as(anna), anna, id);
      const added = await useCases.addMember({ caller: as(ben), conversationId: id, userId: dora });
      assert.ok(added.conversation.participants.includes(dora));
      const seen = async () => {
        const page = await useCases.listMessagesBefore({ caller: as(dora), conversationId: id, ...TOP });
        const summary = await useCases.getConversation({ caller: as(dora), conversationId: id });
        const inbox = await useCases.listConversations({ caller: as(dora), userId: dora, ...TOP });
        return [page.items[0]?.id, summary.lastMessage?.id, inbox.items[0]?.lastMessage?.messageId];
      };
      assert.deepEqual(await seen(), [undefined, undefined, undefined]);
      const { message: after } = await sendToConversationAs(useCases, as(anna), anna, id);
      assert.deepEqual(await seen(), [after.id, after.id, after.id]);
      const one = { caller: as(dora), conversationId: id, messageId: before.id };
      await assertRefused('message_not_found', useCases.getMessage(one));
    },
  },

  removeMember: {
    'a user leaves, and only the creator or a service removes another': async (useCases) => {
      const [anna, ben, carl, dora] = [freshUser(), freshUser(), freshUser(), freshUser()];
      const id = await groupOf(useCases, [anna, ben, carl, dora]);
      const remove = (caller: Caller, userId: UserId, conversationId = id) =>
        useCases.removeMember({ caller, conversationId, userId });
      const [stranger] = freshUsers();
      await assertRefused(
        'conversation_not_found',
        remove(as(stranger), ben),
        remove(as(stranger), stranger),
        remove(SERVICE, ben, NO_MESSAGE as string as ConversationId),
      );
      await assertRefused('not_the_creator', remove(as(ben), carl), remove(as(ben), anna));
      await assertRefused('member_not_found', remove(as(anna), stranger), remove(SERVICE, stranger));
      const membersOf = async () =>
        (await useCases.getConversation({ caller: SERVICE, conversationId: id })).conversation.participants;
      assert.deepEqual(await membersOf(), [anna, ben, carl, dora].sort());
      await granted(remove(as(anna), ben));
      await granted(remove(as(carl), carl));
      await granted(remove(as(carl), carl));
      await granted(remove(SERVICE, dora));
      assert.deepEqual(await membersOf(), [anna]);
      await granted(remove(as(anna), anna));
      await assertRefused('member_left', remove(as(anna), ben));
    },

    'a user who has left sees nothing of later': async (useCases) => {
      const [anna, ben, carl] = [freshUser(), freshUser(), freshUser()];
      const id = await groupOf(useCases, [anna, ben, carl]);
      const { message } = await sendToConversationAs(useCases, as(anna), anna, id);
      await useCases.removeMember({ caller: as(ben), conversationId: id, userId: ben });
      const caller = as(ben);
      const seen = async () => [
        await useCases.listMessagesBefore({ caller, conversationId: id, ...TOP }),
        await useCases.getConversation({ caller, conversationId: id }),
        await useCases.listConversations({ caller, userId: ben, ...TOP }),
      ];
      const then = await seen();
      const { message: later } = await sendToConversationAs(useCases, as(anna), anna, id);
      await useCases.renameGroup({ caller: as(anna), conversationId: id, name: 'Without Ben' });
      await useCases.addMember({ caller: as(anna), conversationId: id, userId: freshUser() });
      assert.deepEqual(await seen(), then);
      await assertRefused(
        'message_not_found',
        useCases.getMessage({ caller, conversationId: id, messageId: later.id }),
      );
      const edit = { caller: as(anna), conversationId: id, messageId: message.id, content: 'Not for Ben' };
      await useCases.editMessage(edit);
      const one = await useCases.getMessage({ caller, conversationId: id, messageId: message.id });
      assert.equal(one.content, null);
    },
  },

  renameGroup: {
    'any member or a service names a group': (useCases) =>
      assertForMembers(useCases, ({ renameGroup }, caller, conversationId) =>
        renameGroup({ caller, conversationId, name: 'Renamed' }),
      ),
  },

  startConversation: {
    'only a participant or a service starts a conversation': async (useCases) => {
      const [anna, ben] = freshUsers();
      const carl = freshUser();
      const caller = as(carl);
      await assertRefused(
        'participants_are_others',
        useCases.startConversation({ caller, participantIds: [anna, ben] }),
        useCases.startConversation({ caller, participantIds: [anna, anna] }),
      );
      await assertRefused(
        'conversation_not_found',
        ...requestsFor(useCases, SERVICE, conversationIdFor(anna, ben)),
      );
      for (const starter of [as(anna), as(ben), SERVICE]) {
        const { conversation } = await granted(
          useCases.startConversation({ caller: starter, participantIds: [ben, anna] }),
        );
        assert.equal(conversation.id, conversationIdFor(anna, ben));
      }
    },
  },

  listConversations: {
    'an inbox is shown to its owner and to services': async (useCases) => {
      const [anna, ben] = freshUsers();
      await sendAs(useCases, as(anna), [anna, ben]);
      const inboxFor = (caller: Caller, userId: UserId) =>
        useCases.listConversations({ caller, userId, ...TOP });
      for (const caller of [as(ben), SERVICE]) {
        assert.equal((await inboxFor(caller, ben)).items[0]?.conversationId, conversationIdFor(anna, ben));
      }
      // The same for an empty inbox.
      await assertRefused(
        'inbox_of_another',
        inboxFor(as(anna), ben),
        inboxFor(as(freshUser()), ben),
        inboxFor(as(anna), freshUser()),
      );
    },
  },

  listEvents: {
    'events are shown to their user and to services, and to no one else': async ({ listEvents }) => {
      const [anna, ben] = freshUsers();
      const size = { limit: 100, maxBytes: 1_048_576, maxHashes: MAX_HASHES };
      const list = (caller: Caller, cursor: EventCursor | null) =>
        listEvents({ caller, userId: anna, cursor, ...size });
      for (const caller of [as(anna), SERVICE]) await granted(list(caller, null));
      const { cursor } = await list(SERVICE, null);
      for (const given of [null, cursor]) await assertRefused('events_of_another', list(as(ben), given));
    },
  },

  markRead: {
    'a conversation is marked as read by its participants and by services, and nobody moves the position of another':
      async (useCases) => {
        const [anna, ben] = freshUsers();
        const carl = freshUser();
        const sent = await sendAs(useCases, as(anna), [anna, ben]);
        const conversationId = conversationIdFor(anna, ben);
        const mark = (caller: Caller, userId: UserId) =>
          useCases.markRead({ caller, userId, conversationId, upTo: sent.message.id });
        const positionOf = async (userId: UserId) => {
          const { readPositions } = await useCases.getConversation({ caller: SERVICE, conversationId });
          return readPositions?.find((position) => position.userId === userId)?.readUpTo;
        };
        await assertRefused('reader_is_another', mark(as(anna), ben), mark(as(carl), ben));
        await assertRefused('conversation_not_found', mark(as(carl), carl), mark(SERVICE, carl));
        assert.equal(await positionOf(ben), null);
        assert.equal((await granted(mark(as(ben), ben))).readUpTo, sent.message.id);
        assert.equal(await positionOf(ben), sent.message.id);
        const reply = await sendAs(useCases, as(ben), [ben, anna]);
        const again = { caller: SERVICE, userId: anna, conversationId, upTo: reply.message.id };
        assert.equal((await granted(useCases.markRead(again))).readUpTo, reply.message.id);
      },
  },

  saveUser: {
    'a user saves only their own username, and a service that of any user': async (useCases) => {
      const [anna, ben] = freshUsers();
      const save = (caller: Caller, username: string) =>
        useCases.saveUser({ caller, userId: anna, username });
      await assertRefused('name_of_another', save(as(ben), 'Eve'));
      await assertRefused('user_not_found', useCases.getUser({ userId: anna }));
      await save(as(anna), 'Anna');
      await assertRefused('name_of_another', save(as(ben), 'Eve'));
      assert.equal((await useCases.getUser({ userId: anna })).username, 'Anna');
      assert.equal((await save(SERVICE, 'Ann')).user.username, 'Ann');
    },
  },
} satisfies Readonly<Partial<Record<UseCaseName, Contract<UseCases>>>>;
