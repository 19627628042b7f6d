import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { makeGetConversation } from '../../src/application/get-conversation.ts';
import { makeGetUser } from '../../src/application/get-user.ts';
import { makeListConversations } from '../../src/application/list-conversations.ts';
import { makeListEvents } from '../../src/application/list-events.ts';
import { makeListMessagesBefore } from '../../src/application/list-messages-before.ts';
import type { Clock } from '../../src/application/ports/clock.ts';
import type { MessageIds } from '../../src/application/ports/message-ids.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { makeSaveUser } from '../../src/application/save-user.ts';
import { makeSendMessage } from '../../src/application/send-message.ts';
import { makeStartConversation } from '../../src/application/start-conversation.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import type { Microseconds } from '../../src/domain/time.ts';

/** The use cases over `storage`, at a time and with ids that a test decides. */
export function useCasesOver(
  { messages, conversations, events, users }: Storage,
  {
    clock,
    messageIds,
    visibilityWindow = 12_000_000,
  }: { clock: Clock; messageIds: MessageIds; visibilityWindow?: Microseconds },
): UseCases {
  const getConversation = makeGetConversation({ messages, conversations, messageIds });
  return {
    sendMessage: makeSendMessage({ messages, messageIds, conversationIdOf }),
    listMessagesBefore: makeListMessagesBefore({ messages, conversations, messageIds }),
    listConversations: makeListConversations({ conversations, messageIds }),
    listEvents: makeListEvents({
      events,
      messages,
      getConversation,
      messageIds,
      clock,
      visibilityWindow,
    }),
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
