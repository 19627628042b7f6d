import assert from 'node:assert/strict';
import type { UseCaseName, UseCases } from '../../src/application/use-cases.ts';
import { MAX_HASHES, type EventCursor } from '../../src/domain/event-cursor.ts';
import { SERVICE, type Caller } from '../../src/domain/caller.ts';
import type { ConversationId, IdempotencyKey, UserId } from '../../src/domain/ids.ts';
import { Refusal, type RefusalCode } from '../../src/domain/refusal.ts';
import { freshKey, freshUser, freshUsers, talkOf } from './fixtures.ts';
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
    const unknown = await refusalsOf(caller, talkOf(anna, freshUser()));
    assert.deepEqual(await refusalsOf(caller, talkOf(anna, ben)), unknown);
    assert.deepEqual(await refusalsOf(caller, talkOf(anna, toEmpty)), unknown);
  }
}

/** The use cases that everyone may call with any arguments. All others have access rules. */
export type PublicUseCase = 'getUser';

/** The access rules of each use case. A use case without a contract is a compile error, unless it is a `PublicUseCase`. */
export const accessContracts = {
  getConversation: {
    'participants and services read a conversation': async (useCases) => {
      const [anna, ben] = freshUsers();
      const { message } = await sendAs(useCases, as(anna), [anna, ben]);
      for (const caller of [as(anna), as(ben), SERVICE]) {
        const [summary] = await granted(Promise.all(getRequests(useCases, caller, talkOf(anna, ben))));
        assert.deepEqual(summary, {
          conversation: { id: talkOf(anna, ben), participants: [anna, ben].sort(), created: message.id },
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
        const pages = await granted(Promise.all(listRequests(useCases, caller, talkOf(anna, ben))));
        assert.deepEqual(pages, [
          { items: [message], next: null },
          { items: [], next: null },
        ]);
      }
    },

    'non-participants get the same refusal as for a conversation that does not exist': (useCases) =>
      assertHidden(useCases, listRequests),
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
      for (const id of [talkOf(anna, ben), talkOf(anna, carl)]) {
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
      await assertRefused('conversation_not_found', ...requestsFor(useCases, SERVICE, talkOf(anna, ben)));
      for (const starter of [as(anna), as(ben), SERVICE]) {
        const { conversation } = await granted(
          useCases.startConversation({ caller: starter, participantIds: [ben, anna] }),
        );
        assert.equal(conversation.id, talkOf(anna, ben));
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
        assert.equal((await inboxFor(caller, ben)).items[0]?.conversationId, talkOf(anna, ben));
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
        const conversationId = talkOf(anna, ben);
        const mark = (caller: Caller, userId: UserId) =>
          useCases.markRead({ caller, userId, conversationId, upTo: sent.message.id });
        const positionOf = async (userId: UserId) => {
          const { readPositions } = await useCases.getConversation({ caller: SERVICE, conversationId });
          return readPositions.find((position) => position.userId === userId)?.readUpTo;
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
} satisfies Readonly<Record<Exclude<UseCaseName, PublicUseCase>, Contract<UseCases>>>;
