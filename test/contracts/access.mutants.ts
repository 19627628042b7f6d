import type { UseCases } from '../../src/application/use-cases.ts';
import { SERVICE } from '../../src/domain/caller.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { Refusal } from '../../src/domain/refusal.ts';
import type { accessContracts } from './access.ts';

/** A messenger that reveals too much or refuses too much, and a description of its fault. */
export interface AccessMutant {
  readonly how: string;
  readonly apply: (correct: UseCases) => UseCases;
}

function mutant(how: string, breakage: (correct: UseCases) => Partial<UseCases>): AccessMutant {
  return { how, apply: (correct) => ({ ...correct, ...breakage(correct) }) };
}

/** The use case `name` without its access check: it treats every caller as a service. */
export function withoutAccessCheck(name: keyof typeof accessContracts): AccessMutant {
  return mutant('skips the access check', (correct) => {
    const useCase = correct[name] as (request: object) => Promise<never>;
    return { [name]: (request: object) => useCase({ ...request, caller: SERVICE }) };
  });
}

/** The mutants of each clause that is not tested with `withoutAccessCheck`. */
export const accessMutants: {
  readonly [Name in keyof typeof accessContracts]?: {
    readonly [Clause in keyof (typeof accessContracts)[Name]]?: readonly AccessMutant[];
  };
} = {
  getConversation: {
    'participants and services read a conversation': [
      mutant('refuses all readers', () => ({
        getConversation: () => Promise.reject(new Refusal('conversation_not_found', 'No.')),
      })),
    ],
    'non-participants get the same refusal as for a conversation that does not exist': [
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
  },

  listMessagesBefore: {
    'participants and services list the messages of a conversation': [
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
      mutant('shows anyone an empty second page', ({ listMessagesBefore }) => ({
        listMessagesBefore: (query) =>
          listMessagesBefore({ ...query, caller: (query.page ?? 1) > 1 ? SERVICE : query.caller }),
      })),
    ],
  },

  getMessage: {
    'participants and services read a message': [
      mutant('shows it only to its sender', ({ getMessage }) => ({
        getMessage: async (query) => {
          const message = await getMessage(query);
          if (query.caller.kind === 'service' || query.caller.userId === message.senderId) return message;
          throw new Refusal('message_of_another', 'It is not yours.');
        },
      })),
    ],
    'non-participants get the same refusal as for a conversation that does not exist': [
      mutant('reveals that a message does not exist', ({ getMessage }) => ({
        getMessage: async (query) => {
          await getMessage({ ...query, caller: SERVICE });
          return getMessage(query);
        },
      })),
    ],
  },

  editMessage: {
    'only its sender or a service edits a message': [
      mutant('refuses after it has edited', ({ editMessage }) => ({
        editMessage: async (command) => {
          await editMessage({ ...command, caller: SERVICE });
          return editMessage(command);
        },
      })),
      mutant('reveals to others that the message is deleted', ({ editMessage, getMessage }) => ({
        editMessage: async (command) => {
          const { deletionId } = await getMessage(command);
          if (deletionId !== null) throw new Refusal('message_deleted', 'The message is deleted.');
          return editMessage(command);
        },
      })),
    ],
    'non-participants get the same refusal as for a conversation that does not exist': [
      mutant('reveals which messages exist', ({ editMessage, getMessage }) => ({
        editMessage: async (command) => {
          await getMessage({ ...command, caller: SERVICE });
          return editMessage(command);
        },
      })),
    ],
  },

  deleteMessage: {
    'only its sender or a service deletes a message': [
      mutant('lets every participant delete', ({ deleteMessage, getMessage }) => ({
        deleteMessage: async (command) => {
          await getMessage(command);
          return deleteMessage({ ...command, caller: SERVICE });
        },
      })),
      mutant('refuses services', ({ deleteMessage }) => ({
        deleteMessage: (command) =>
          command.caller.kind === 'service'
            ? Promise.reject(new Refusal('message_of_another', 'No.'))
            : deleteMessage(command),
      })),
    ],
    'non-participants get the same refusal as for a conversation that does not exist': [
      mutant('reveals that a message belongs to another', ({ deleteMessage, getMessage }) => ({
        deleteMessage: async (command) => {
          const { senderId } = await getMessage({ ...command, caller: SERVICE });
          if (command.caller.kind === 'user' && command.caller.userId !== senderId)
            throw new Refusal('message_of_another', 'No.');
          return deleteMessage(command);
        },
      })),
    ],
  },

  sendMessage: {
    'a user cannot send as another user, and the refused message is not stored': [
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
    'a refusal does not reveal whether another sender has used the key': [
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
  },

  sendToConversation: {
    'only participants send to a conversation, each under their own id': [
      mutant('lets former members send', (correct) => ({
        sendToConversation: (command) =>
          correct.sendToConversation(command).catch(async (error: unknown) => {
            if (!(error instanceof Refusal) || error.code !== 'member_left') throw error;
            const { conversationId, senderId: userId } = command;
            await correct.addMember({ caller: SERVICE, conversationId, userId });
            return correct.sendToConversation(command);
          }),
      })),
    ],
    'a repeat of a stored message gives the same message, although its sender has left since': [
      mutant('refuses all sends of former members', ({ sendToConversation, getConversation }) => ({
        sendToConversation: async (command) => {
          const { senderId, conversationId } = command;
          const { conversation } = await getConversation({ caller: SERVICE, conversationId });
          if (!conversation.participants.includes(senderId)) throw new Refusal('member_left', 'No.');
          return sendToConversation(command);
        },
      })),
    ],
  },

  createGroup: {
    'a user creates a group only under their own id and as a participant': [
      mutant('adds the creator', ({ createGroup }) => ({
        createGroup: (command) =>
          createGroup({
            ...command,
            participantIds: [...new Set([...command.participantIds, command.creatorId])],
          }),
      })),
    ],
  },

  addMember: {
    'any member or a service adds a user': [
      mutant('lets only the creator add users', ({ addMember, getConversation }) => ({
        addMember: async (command) => {
          const { caller, conversationId } = command;
          const found = await getConversation({ caller, conversationId });
          if (caller.kind === 'user' && found.conversation.group?.creatorId !== caller.userId) {
            throw new Refusal('not_the_creator', 'No.');
          }
          return addMember(command);
        },
      })),
    ],
    'a new member sees nothing from before': [
      mutant('shows the whole history', ({ listMessagesBefore }) => ({
        listMessagesBefore: (query) => listMessagesBefore({ ...query, caller: SERVICE }),
      })),
      mutant('shows the last message', ({ getConversation }) => ({
        getConversation: (query) => getConversation({ ...query, caller: SERVICE }),
      })),
      mutant('shows every message by its id', ({ getMessage }) => ({
        getMessage: (query) => getMessage({ ...query, caller: SERVICE }),
      })),
    ],
  },

  removeMember: {
    'a user leaves, and only the creator or a service removes another': [
      mutant('lets every member remove others', ({ removeMember, getConversation }) => ({
        removeMember: async (command) => {
          await getConversation(command);
          return removeMember({ ...command, caller: SERVICE });
        },
      })),
    ],
    'a user who has left sees nothing of later': [
      mutant('shows later messages', ({ listMessagesBefore }) => ({
        listMessagesBefore: (query) => listMessagesBefore({ ...query, caller: SERVICE }),
      })),
      mutant('shows the group as it is now', ({ getConversation }) => ({
        getConversation: (query) => getConversation({ ...query, caller: SERVICE }),
      })),
      mutant('shows later edits', ({ getMessage }) => ({
        getMessage: (query) => getMessage({ ...query, caller: SERVICE }),
      })),
    ],
  },

  renameGroup: {
    'any member or a service names a group': [
      mutant('refuses services', ({ renameGroup }) => ({
        renameGroup: (command) =>
          command.caller.kind === 'service'
            ? Promise.reject(new Refusal('not_the_creator', 'No.'))
            : renameGroup(command),
      })),
    ],
  },

  startConversation: {
    'only a participant or a service starts a conversation': [
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
  },

  listConversations: {
    'an inbox is shown to its owner and to services': [
      mutant('shows anyone an empty inbox', ({ listConversations }) => ({
        listConversations: async (query) => {
          const page = await listConversations({ ...query, caller: SERVICE });
          return page.items.length === 0 ? page : listConversations(query);
        },
      })),
    ],
  },

  listEvents: {
    'events are shown to their user and to services, and to no one else': [
      mutant('shows events only to services', ({ listEvents }) => ({
        listEvents: (query) =>
          query.caller.kind === 'service'
            ? listEvents(query)
            : Promise.reject(new Refusal('events_of_another', 'No.')),
      })),
    ],
  },

  markRead: {
    'a conversation is marked as read by its participants and by services, and nobody moves the position of another':
      [
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
                throw new Refusal('reader_is_another', 'The conversation belongs to others.');
              }
              throw error;
            }),
        })),
      ],
  },

  saveUser: {
    'a user saves only their own username, and a service that of any user': [
      mutant('refuses after it has saved', ({ saveUser }) => ({
        saveUser: async (command) => {
          await saveUser({ ...command, caller: SERVICE });
          return saveUser(command);
        },
      })),
    ],
  },
};
