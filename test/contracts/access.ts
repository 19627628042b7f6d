import assert from 'node:assert/strict';
import type { UseCases } from '../../src/application/use-cases.ts';
import { SERVICE, type Caller } from '../../src/domain/caller.ts';
import type { ConversationId, IdempotencyKey, MessageId, UserId } from '../../src/domain/ids.ts';
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

/** All use cases that read a conversation. */
function asksOf({ getConversation, listMessagesBefore }: UseCases, caller: Caller, id: ConversationId) {
  const list = (request: object) => listMessagesBefore({ caller, conversationId: id, ...TOP, ...request });
  return [getConversation({ caller, conversationId: id }), list({}), list({ limit: 1, page: 2 })];
}

/** A valid id of a message that does not exist. */
const NO_MESSAGE = '019c1363-4a3b-71c8-b15c-0ffee0ddba11' as MessageId;

/** All use cases that read or change one message. */
function messageAsksOf(
  { getMessage, editMessage, deleteMessage }: UseCases,
  caller: Caller,
  conversationId: ConversationId,
  messageId: MessageId,
) {
  const about = { caller, conversationId, messageId };
  return {
    get: () => getMessage(about),
    edit: () => editMessage({ ...about, content: 'Edited' }),
    remove: () => deleteMessage(about),
  };
}

async function assertRefused(code: RefusalCode, ...asks: readonly Promise<unknown>[]): Promise<void> {
  for (const { status, ...end } of await Promise.allSettled(asks)) {
    assert.equal(status, 'rejected', code);
    assert.ok('reason' in end && end.reason instanceof Refusal, code);
    assert.equal(end.reason.code, code);
  }
}

/** The result of `ask`; fails on a refusal. */
async function granted<Answer>(ask: Promise<Answer>): Promise<Answer> {
  return ask.catch((error: unknown) => {
    if (error instanceof Refusal) assert.fail(`refused: ${error.code}`);
    throw error;
  });
}

/** The access rules of the use cases. */
export const accessContract = {
  'a conversation is there for its participants and for services': async (useCases) => {
    const [anna, ben] = freshUsers();
    const { message } = await sendAs(useCases, as(anna), [anna, ben]);
    for (const caller of [as(anna), as(ben), SERVICE]) {
      const [conversation, page, second] = await granted(
        Promise.all(asksOf(useCases, caller, talkOf(anna, ben))),
      );
      assert.deepEqual(conversation, {
        conversation: { id: talkOf(anna, ben), participants: [anna, ben].sort(), created: message.id },
        lastMessage: message,
        readPositions: [anna, ben]
          .sort()
          .map((userId) => ({ userId, readUpTo: userId === anna ? message.id : null })),
      });
      assert.deepEqual(page, { items: [message], next: null });
      assert.deepEqual(second, { items: [], next: null });
    }
  },

  'non-participants get the same refusal as for a conversation that does not exist': async (useCases) => {
    const [anna, ben] = freshUsers();
    const [carl, dora] = freshUsers();
    await sendAs(useCases, as(anna), [anna, ben]);
    // A user with a conversation with one of the two is not a participant of their conversation.
    await sendAs(useCases, as(carl), [carl, anna]);
    const toEmpty = freshUser();
    const caller = as(anna);
    await useCases.startConversation({ caller, participantIds: [anna, toEmpty] });
    const words = async (stranger: Caller, id: ConversationId): Promise<string[]> => {
      const asks = asksOf(useCases, stranger, id);
      await assertRefused('conversation_not_found', ...asks);
      return Promise.all(
        asks.map((ask) =>
          ask.then(
            () => '',
            (error: unknown) => String(error),
          ),
        ),
      );
    };
    for (const stranger of [as(carl), as(dora)]) {
      const unknown = await words(stranger, talkOf(anna, freshUser()));
      assert.deepEqual(await words(stranger, talkOf(anna, ben)), unknown);
      assert.deepEqual(await words(stranger, talkOf(anna, toEmpty)), unknown);
    }
  },

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
      await assertRefused('conversation_not_found', ...asksOf(useCases, SERVICE, id));
    }
    const { message } = await sendAs(useCases, SERVICE, [anna, ben]);
    assert.equal(message.senderId, anna);
  },

  'a key of another sender tells nothing': async (useCases) => {
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

  'nobody starts a conversation of others': async (useCases) => {
    const [anna, ben] = freshUsers();
    const carl = freshUser();
    const caller = as(carl);
    await assertRefused(
      'participants_are_others',
      useCases.startConversation({ caller, participantIds: [anna, ben] }),
      useCases.startConversation({ caller, participantIds: [anna, anna] }),
    );
    await assertRefused('conversation_not_found', ...asksOf(useCases, SERVICE, talkOf(anna, ben)));
    for (const starter of [as(anna), as(ben), SERVICE]) {
      const { conversation } = await granted(
        useCases.startConversation({ caller: starter, participantIds: [ben, anna] }),
      );
      assert.equal(conversation.id, talkOf(anna, ben));
    }
  },

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

  'a message is shown to participants, and changed by its sender and by services': async (useCases) => {
    const [anna, ben] = freshUsers();
    const [carl, dora] = freshUsers();
    const conversationId = talkOf(anna, ben);
    // A user with a conversation with the sender is not a participant of theirs.
    const elsewhere = await sendAs(useCases, as(carl), [carl, anna]);
    for (const sender of [as(anna), SERVICE]) {
      const { message } = await sendAs(useCases, sender, [anna, ben]);
      const asks = (caller: Caller, id = message.id, conversation = conversationId) =>
        messageAsksOf(useCases, caller, conversation, id);
      for (const caller of [as(anna), as(ben), SERVICE]) {
        assert.deepEqual(await granted(asks(caller).get()), message);
        const { get, edit, remove } = asks(caller, NO_MESSAGE);
        await assertRefused('message_not_found', get(), edit(), remove());
        const other = asks(caller, elsewhere.message.id);
        await assertRefused('message_not_found', other.get(), other.edit(), other.remove());
      }
      for (const stranger of [as(carl), as(dora)]) {
        for (const id of [message.id, NO_MESSAGE, elsewhere.message.id]) {
          for (const conversation of [conversationId, talkOf(anna, freshUser())]) {
            const { get, edit, remove } = asks(stranger, id, conversation);
            await assertRefused('conversation_not_found', get(), edit(), remove());
          }
        }
      }
      await assertRefused('message_of_another', asks(as(ben)).edit(), asks(as(ben)).remove());
      assert.deepEqual(await asks(SERVICE).get(), message, 'nothing has changed');
      const edited = await granted(asks(sender).edit());
      assert.equal(edited.message.content, 'Edited');
      await granted(asks(sender).remove());
      assert.equal((await asks(as(ben)).get()).content, null);
      await assertRefused('message_of_another', asks(as(ben)).edit(), asks(as(ben)).remove());
      await assertRefused('message_deleted', asks(sender).edit());
      await granted(asks(sender).remove());
    }
  },

  'a user is named by themselves or by a service, and shown to everyone': async (useCases) => {
    const [anna, ben] = freshUsers();
    const save = (caller: Caller, username: string) => useCases.saveUser({ caller, userId: anna, username });
    await assertRefused('name_of_another', save(as(ben), 'Fool'));
    await assertRefused('user_not_found', useCases.getUser({ userId: anna }));
    await save(as(anna), 'Anna');
    await assertRefused('name_of_another', save(as(ben), 'Fool'));
    assert.equal((await useCases.getUser({ userId: anna })).username, 'Anna');
    assert.equal((await save(SERVICE, 'Ann')).user.username, 'Ann');
  },
} satisfies Contract<UseCases>;
