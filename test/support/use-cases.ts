import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { makeGetConversation } from '../../src/application/get-conversation.ts';
import { makeGetUser } from '../../src/application/get-user.ts';
import { makeListConversations } from '../../src/application/list-conversations.ts';
import { makeListMessagesBefore } from '../../src/application/list-messages-before.ts';
import { ClockNotVerified } from '../../src/application/ports/clock-check.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { MessageIds } from '../../src/application/ports/message-ids.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { requireVerifiedClock } from '../../src/application/require-verified-clock.ts';
import { makeSaveUser } from '../../src/application/save-user.ts';
import { makeSendMessage } from '../../src/application/send-message.ts';
import { makeStartConversation } from '../../src/application/start-conversation.ts';
import type { UseCases } from '../../src/application/use-cases.ts';

/** The use cases over `storage`, at a time and with ids that a test decides. */
export function useCasesOver(
  { messages, conversations, users }: Storage,
  { clock, messageIds }: { clock: Clock; messageIds: MessageIds },
): UseCases {
  const getConversation = makeGetConversation({ messages, conversations, messageIds });
  return {
    sendMessage: makeSendMessage({ messages, messageIds, conversationIdOf }),
    listMessagesBefore: makeListMessagesBefore({ messages, conversations, messageIds }),
    listConversations: makeListConversations({ conversations, messageIds }),
    getConversation,
    startConversation: makeStartConversation({
      conversations,
      messageIds,
      conversationIdOf,
      getConversation,
    }),
    saveUser: makeSaveUser({ users, clock }),
    getUser: makeGetUser({ users }),
  };
}

/** `useCases`, each of which is asked by way of `ask`, which gets its name. */
export function wrapped(
  useCases: UseCases,
  ask: (name: string, proceed: () => Promise<unknown>) => Promise<unknown>,
): UseCases {
  const entries = Object.entries(useCases).map(([name, useCase]: [string, (question: never) => unknown]) => [
    name,
    (question: never) => ask(name, async () => useCase(question)),
  ]);
  return Object.fromEntries(entries) as UseCases;
}

/** The names of the use cases that are declared to write: those that a clock which is not verified stops. */
export async function declaredCommands(useCases: UseCases): Promise<string[]> {
  const clockCheck = { verified: () => Promise.reject(new ClockNotVerified()) };
  const idle = wrapped(useCases, () => Promise.resolve());
  const checked = requireVerifiedClock(clockCheck, idle) as object as Record<string, () => Promise<unknown>>;
  const commands: string[] = [];
  for (const [name, ask] of Object.entries(checked)) {
    const outcome = await ask().catch((error: unknown) => error);
    if (outcome instanceof ClockNotVerified) commands.push(name);
  }
  return commands.sort();
}
