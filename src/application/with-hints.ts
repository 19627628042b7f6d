import type { UserId } from '../domain/ids.ts';
import type { Hints } from './ports/hints.ts';
import { wrapUseCases, type UseCaseName, type UseCases } from './use-cases.ts';

/** For each command that adds events: the users whose event logs got them, from its result. */
const NOTIFIED: {
  readonly [Name in UseCaseName]?: (result: Awaited<ReturnType<UseCases[Name]>>) => readonly UserId[];
} = {
  sendMessage: ({ message }) => [message.senderId, message.receiverId],
  startConversation: ({ conversation }) => conversation.participants,
  markRead: ({ participants }) => participants,
};

/** Wraps the use cases: each that adds events publishes a hint for the users of these events when it resolves. */
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
