import type { UserId } from '../domain/ids.ts';
import type { Hints } from './ports/hints.ts';
import { wrapUseCases, type USE_CASES, type UseCaseName, type UseCases } from './use-cases.ts';

type CommandName = {
  [Name in UseCaseName]: (typeof USE_CASES)[Name]['kind'] extends 'command' ? Name : never;
}[UseCaseName];

/** The users to whose event logs a command has added events, by its result; null for a command that adds none. */
const NOTIFIED: {
  readonly [Name in CommandName]: ((result: Awaited<ReturnType<UseCases[Name]>>) => readonly UserId[]) | null;
} = {
  sendMessage: ({ message }) => [message.senderId, message.receiverId ?? message.senderId],
  sendToConversation: ({ recipients }) => recipients,
  editMessage: ({ participants }) => participants,
  deleteMessage: ({ participants }) => participants,
  createGroup: ({ conversation }) => conversation.participants,
  addMember: ({ notified }) => notified,
  removeMember: ({ notified }) => notified,
  renameGroup: ({ notified }) => notified,
  startConversation: ({ conversation }) => conversation.participants,
  markRead: ({ participants }) => participants,
  saveUser: null,
};

type UsersOf = (result: unknown) => readonly UserId[];

/** The same use cases. Each command that adds events publishes a hint for their users when it resolves. */
export function withHints(hints: Pick<Hints, 'publish'>, useCases: UseCases): UseCases {
  return wrapUseCases(useCases, (useCase, name) => {
    const usersOf = (NOTIFIED as Partial<Record<UseCaseName, unknown>>)[name] as UsersOf | null | undefined;
    if (usersOf === null || usersOf === undefined) return useCase;
    return async (request) => {
      const result = await useCase(request);
      hints.publish(usersOf(result));
      return result;
    };
  });
}
