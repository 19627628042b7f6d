import type { UseCases } from '../../src/application/use-cases.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { Refusal } from '../../src/domain/refusal.ts';
import type { accessContract } from './access.ts';

/** A messenger that reveals too much or refuses too much, and a description of its fault. */
export interface AccessMutant {
  readonly how: string;
  readonly apply: (whole: UseCases) => UseCases;
}

function mutant(how: string, breakage: (whole: UseCases) => Partial<UseCases>): AccessMutant {
  return { how, apply: (whole) => ({ ...whole, ...breakage(whole) }) };
}

/** Treats every caller as a service in the use case `name`. */
function skippingAccessCheck(how: string, name: Exclude<keyof UseCases, 'getUser'>): AccessMutant {
  return mutant(how, (whole) => {
    const ask = whole[name] as (question: object) => Promise<never>;
    return { [name]: (question: object) => ask({ ...question, caller: SERVICE }) };
  });
}

export const accessMutants: Readonly<Record<keyof typeof accessContract, readonly AccessMutant[]>> = {
  'a conversation is there for its participants and for services': [
    mutant('refuses all readers', () => ({
      getConversation: () => Promise.reject(new Refusal('conversation_not_found', 'No.')),
    })),
    mutant('shows it only to the last sender', ({ listMessagesBefore }) => ({
      listMessagesBefore: async (query) => {
        const page = await listMessagesBefore({ ...query, caller: SERVICE });
        const [last] = page.items;
        if (query.caller.kind === 'user' && last !== undefined && last.senderId !== query.caller.userId) {
          throw new Refusal('conversation_not_found', 'No.');
        }
        return page;
      },
    })),
  ],

  'non-participants get the same refusal as for a conversation that does not exist': [
    skippingAccessCheck('shows anyone a conversation', 'getConversation'),
    skippingAccessCheck('shows anyone the messages of a conversation', 'listMessagesBefore'),
    mutant('shows anyone an empty second page', ({ listMessagesBefore }) => ({
      listMessagesBefore: (query) =>
        listMessagesBefore({ ...query, caller: (query.page ?? 1) > 1 ? SERVICE : query.caller }),
    })),
    mutant('reveals that it exists', ({ getConversation }) => ({
      getConversation: async (query) => {
        const found = await getConversation({ ...query, caller: SERVICE });
        const { caller } = query;
        if (caller.kind === 'user' && !found.conversation.participants.includes(caller.userId)) {
          throw new Refusal('conversation_not_found', 'It is not for you.');
        }
        return found;
      },
    })),
    mutant(
      'shows it to anyone with a conversation with one of them',
      ({ listConversations, getConversation }) => ({
        getConversation: async (query) => {
          const { caller, conversationId } = query;
          if (caller.kind === 'service') return getConversation(query);
          const found = await getConversation({ caller: SERVICE, conversationId });
          const inbox = await listConversations({
            caller,
            userId: caller.userId,
            before: null,
            limit: 100,
            page: 1,
          });
          const friends = new Set<UserId>(inbox.items.flatMap(({ participants }) => participants));
          const isFriend = found.conversation.participants.some((one) => friends.has(one));
          return getConversation({ conversationId, caller: isFriend ? SERVICE : caller });
        },
      }),
    ),
  ],

  'a user cannot send as another user, and the refused message is not stored': [
    skippingAccessCheck('accepts any sender', 'sendMessage'),
    mutant('lets the receiver send as the sender', ({ sendMessage }) => ({
      sendMessage: (command) => {
        const { caller, receiverId } = command;
        const isReceiver = caller.kind === 'user' && caller.userId === receiverId;
        return sendMessage({ ...command, caller: isReceiver ? SERVICE : caller });
      },
    })),
    mutant('refuses after it has sent', ({ sendMessage }) => ({
      sendMessage: async (command) => {
        await sendMessage({ ...command, caller: SERVICE });
        return sendMessage(command);
      },
    })),
  ],

  'a key of another sender tells nothing': [
    mutant('shares idempotency keys among senders', ({ sendMessage }) => {
      const answers = new Map<string, ReturnType<UseCases['sendMessage']>>();
      return {
        sendMessage: async (command) => {
          const known = answers.get(command.idempotencyKey ?? '');
          if (known !== undefined) return { ...(await known), replayed: true };
          const answer = sendMessage(command);
          if (command.idempotencyKey !== null) answers.set(command.idempotencyKey, answer);
          return answer;
        },
      };
    }),
  ],

  'nobody starts a conversation of others': [
    skippingAccessCheck('starts a conversation for anyone', 'startConversation'),
    mutant('refuses after it has started the conversation', ({ startConversation }) => ({
      startConversation: async (command) => {
        await startConversation({ ...command, caller: SERVICE });
        return startConversation(command);
      },
    })),
    mutant('lets only the first participant start it', ({ startConversation }) => ({
      startConversation: async (command) => {
        const { caller, participantIds } = command;
        if (caller.kind === 'user' && caller.userId !== participantIds[0]) {
          throw new Refusal('participants_are_others', 'No.');
        }
        return startConversation(command);
      },
    })),
  ],

  'an inbox is shown to its owner and to services': [
    skippingAccessCheck('shows anyone any inbox', 'listConversations'),
    mutant('shows anyone an empty inbox', ({ listConversations }) => ({
      listConversations: async (query) => {
        const page = await listConversations({ ...query, caller: SERVICE });
        return page.items.length === 0 ? page : listConversations(query);
      },
    })),
  ],

  'a conversation is marked as read by its participants and by services, and nobody moves the position of another':
    [
      skippingAccessCheck('marks for any reader', 'markRead'),
      mutant('refuses after it has marked', ({ markRead }) => ({
        markRead: async (command) => {
          await markRead({ ...command, caller: SERVICE });
          return markRead(command);
        },
      })),
      mutant('refuses marks by services', ({ markRead }) => ({
        markRead: (command) =>
          command.caller.kind === 'service'
            ? Promise.reject(new Refusal('reader_is_another', 'No.'))
            : markRead(command),
      })),
      mutant('reveals that a conversation exists', ({ markRead }) => ({
        markRead: (command) =>
          markRead(command).catch((error: unknown) => {
            if (error instanceof Refusal && error.code === 'conversation_not_found') {
              throw new Refusal('reader_is_another', 'It is not theirs.');
            }
            throw error;
          }),
      })),
    ],

  'a message is shown to participants, and changed by its sender and by services': [
    skippingAccessCheck('shows anyone a message', 'getMessage'),
    skippingAccessCheck('lets anyone edit', 'editMessage'),
    skippingAccessCheck('lets anyone delete', 'deleteMessage'),
    mutant('refuses after it has edited', ({ editMessage }) => ({
      editMessage: async (command) => {
        await editMessage({ ...command, caller: SERVICE });
        return editMessage(command);
      },
    })),
    mutant('lets every participant delete', ({ deleteMessage, getMessage }) => ({
      deleteMessage: async (command) => {
        await getMessage(command);
        return deleteMessage({ ...command, caller: SERVICE });
      },
    })),
    mutant('tells strangers which messages exist', ({ editMessage, getMessage }) => ({
      editMessage: async (command) => {
        await getMessage({ ...command, caller: SERVICE });
        return editMessage(command);
      },
    })),
    mutant('tells others that the message is deleted', ({ editMessage, getMessage }) => ({
      editMessage: async (command) => {
        const { deletionId } = await getMessage(command);
        if (deletionId !== null) throw new Refusal('message_deleted', 'It is gone.');
        return editMessage(command);
      },
    })),
    mutant('refuses changes by services', ({ deleteMessage }) => ({
      deleteMessage: (command) =>
        command.caller.kind === 'service'
          ? Promise.reject(new Refusal('message_of_another', 'No.'))
          : deleteMessage(command),
    })),
  ],

  'a user is named by themselves or by a service, and shown to everyone': [
    skippingAccessCheck('saves any user for anyone', 'saveUser'),
    mutant('refuses after it has saved', ({ saveUser }) => ({
      saveUser: async (command) => {
        await saveUser({ ...command, caller: SERVICE });
        return saveUser(command);
      },
    })),
  ],
};
