import type { UseCases } from '../../src/application/use-cases.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { Refusal } from '../../src/domain/refusal.ts';
import type { accessContract } from './access.ts';

/** A messenger that says too much or too little, and how it does. */
export interface LeakyLog {
  readonly how: string;
  readonly loosen: (whole: UseCases) => UseCases;
}

function loose(how: string, breakage: (whole: UseCases) => Partial<UseCases>): LeakyLog {
  return { how, loosen: (whole) => ({ ...whole, ...breakage(whole) }) };
}

/** Takes everyone for a service in one thing that can be asked. */
function trusting(how: string, name: Exclude<keyof UseCases, 'getUser'>): LeakyLog {
  return loose(how, (whole) => {
    const ask = whole[name] as (question: object) => Promise<never>;
    return { [name]: (question: object) => ask({ ...question, caller: SERVICE }) };
  });
}

export const accessMutants: Readonly<Record<keyof typeof accessContract, readonly LeakyLog[]>> = {
  'a conversation is there for its participants and for services': [
    loose('lets nobody look', () => ({
      getConversation: () => Promise.reject(new Refusal('conversation_not_found', 'No.')),
    })),
    loose('lets whoever spoke last look', ({ listMessagesBefore }) => ({
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

  'to all others it is not there, in the words of one that nobody began': [
    trusting('shows anyone a conversation', 'getConversation'),
    trusting('shows anyone the messages of a conversation', 'listMessagesBefore'),
    loose('shows anyone an empty second page', ({ listMessagesBefore }) => ({
      listMessagesBefore: (query) =>
        listMessagesBefore({ ...query, caller: (query.page ?? 1) > 1 ? SERVICE : query.caller }),
    })),
    loose('says that it is there, but not for them', ({ getConversation }) => ({
      getConversation: async (query) => {
        const found = await getConversation({ ...query, caller: SERVICE });
        const { caller } = query;
        if (caller.kind === 'user' && !found.conversation.participants.includes(caller.userId)) {
          throw new Refusal('conversation_not_found', 'It is not for you.');
        }
        return found;
      },
    })),
    loose('shows it to whoever writes with one of them', ({ listConversations, getConversation }) => ({
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
    })),
  ],

  'nobody sends in the name of another, and nothing of it is stored': [
    trusting('sends whatever it is told', 'sendMessage'),
    loose('lets receivers put words into mouths', ({ sendMessage }) => ({
      sendMessage: (command) => {
        const { caller, receiverId } = command;
        const isReceiver = caller.kind === 'user' && caller.userId === receiverId;
        return sendMessage({ ...command, caller: isReceiver ? SERVICE : caller });
      },
    })),
    loose('refuses what it has sent already', ({ sendMessage }) => ({
      sendMessage: async (command) => {
        await sendMessage({ ...command, caller: SERVICE });
        return sendMessage(command);
      },
    })),
  ],

  'a key of another sender tells nothing': [
    loose('keeps one list of keys for everyone', ({ sendMessage }) => {
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
    trusting('starts whatever it is told', 'startConversation'),
    loose('refuses what it has started already', ({ startConversation }) => ({
      startConversation: async (command) => {
        await startConversation({ ...command, caller: SERVICE });
        return startConversation(command);
      },
    })),
    loose('lets the first of the two start it alone', ({ startConversation }) => ({
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
    trusting('shows anyone any inbox', 'listConversations'),
    loose('shows anyone an empty inbox', ({ listConversations }) => ({
      listConversations: async (query) => {
        const page = await listConversations({ ...query, caller: SERVICE });
        return page.items.length === 0 ? page : listConversations(query);
      },
    })),
  ],

  'a conversation is marked as read by its participants and by services, and nobody moves the position of another':
    [
      trusting('marks whatever it is told', 'markRead'),
      loose('refuses what it has marked already', ({ markRead }) => ({
        markRead: async (command) => {
          await markRead({ ...command, caller: SERVICE });
          return markRead(command);
        },
      })),
      loose('lets services mark nothing', ({ markRead }) => ({
        markRead: (command) =>
          command.caller.kind === 'service'
            ? Promise.reject(new Refusal('reader_is_another', 'No.'))
            : markRead(command),
      })),
      loose('says that a conversation is there, but not for them', ({ markRead }) => ({
        markRead: (command) =>
          markRead(command).catch((error: unknown) => {
            if (error instanceof Refusal && error.code === 'conversation_not_found') {
              throw new Refusal('reader_is_another', 'It is not theirs.');
            }
            throw error;
          }),
      })),
    ],

  'a user is named by themselves or by a service, and shown to everyone': [
    trusting('names anyone as it is told', 'saveUser'),
    loose('refuses what it has saved already', ({ saveUser }) => ({
      saveUser: async (command) => {
        await saveUser({ ...command, caller: SERVICE });
        return saveUser(command);
      },
    })),
  ],
};
