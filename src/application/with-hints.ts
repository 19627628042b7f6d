import type { UserId } from '../domain/ids.ts';
import type { Hints } from './ports/hints.ts';
import { wrapUseCases, type UseCaseName, type UseCases } from './use-cases.ts';

/** The users whose event logs a command has added to, by its result. */
const NOTIFIED: {
  readonly [Name in UseCaseName]?: (result: Awaited<ReturnType<UseCases[Name]>>) => readonly UserId[];
} = {
  sendMessage: ({ message }) => [message.senderId, message.receiverId],
  startConversation: ({ conversation }) => conversation.participants,
  markRead: ({ participants }) => participants,
};

/** The same use cases. Each that adds events publishes a hint for their users as soon as it resolves. */
export function withHints(hints: Pick<Hints, 'publish'>, useCases: UseCases): UseCases {
  return wrapUseCases(useCases, (useCase, name) => {
    const usersOf = NOTIFIED[name] as ((result: unknown) => readonly UserId[]) | undefined;
    if (usersOf === undefined) return useCase;
    return async (request) => {
      const result = await useCase(request);
      hints.publish(usersOf(result));
      return result;
    };
  });
}
