import type { UserId } from '../domain/ids.ts';
import type { Hints } from './ports/hints.ts';
import type { UseCases } from './use-cases.ts';

/** Who has news after a use case, by its answer. A use case that is not here gives nobody news. */
type Concerned = {
  readonly [Name in keyof UseCases]?: (answer: Awaited<ReturnType<UseCases[Name]>>) => readonly UserId[];
};

const CONCERNED: Concerned = {
  sendMessage: ({ message }) => [message.senderId, message.receiverId],
  startConversation: ({ conversation }) => conversation.participants,
};

type Ask = (question: unknown) => Promise<unknown>;

/** The same use cases; those that write publish a hint for each user concerned, as soon as the write is acknowledged. */
export function withHints(hints: Hints, useCases: UseCases): UseCases {
  const hinting = Object.entries(CONCERNED).map(([name, concerned]) => {
    const ask = useCases[name as keyof UseCases] as Ask;
    return [
      name,
      async (question: unknown) => {
        const answer = await ask(question);
        hints.publish((concerned as (answer: unknown) => readonly UserId[])(answer));
        return answer;
      },
    ];
  });
  return { ...useCases, ...(Object.fromEntries(hinting) as Partial<UseCases>) };
}
