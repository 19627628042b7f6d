import { makeApp } from '../adapters/http/app.ts';
import type { DocsAssets } from '../adapters/http/routes/docs.ts';
import { conversationIdOf as systemConversationIdOf } from '../adapters/system/conversation-ids.ts';
import { answeringWithin } from '../adapters/system/deadline.ts';
import { makeGetConversation } from '../application/get-conversation.ts';
import { makeGetUser } from '../application/get-user.ts';
import { makeListConversations } from '../application/list-conversations.ts';
import { makeListMessagesBefore } from '../application/list-messages-before.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Log } from '../application/ports/log.ts';
import type { MessageIds } from '../application/ports/message-ids.ts';
import type { Storage } from '../application/ports/storage.ts';
import { makeSaveUser } from '../application/save-user.ts';
import { makeSendMessage } from '../application/send-message.ts';
import { makeStartConversation } from '../application/start-conversation.ts';
import type { UseCases } from '../application/use-cases.ts';
import { makeProvisions, type Provisions } from './provide.ts';
import { TOKENS } from './tokens.ts';

/** What differs from host to host and from test to test. All of it is open already; the caller closes storage. */
export interface Ingredients {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly messageIds: MessageIds;
  readonly log: Log;
  readonly docsAssets: DocsAssets;
  readonly requestTimeoutMs: number;
}

/** The messenger, put together: `TOKENS.app` is what a host serves. */
export function buildContainer(given: Ingredients): Pick<Provisions, 'take'> {
  const { value, made, take } = makeProvisions();
  const { clock, messageIds, conversationIdOf, log, docsAssets, requestTimeoutMs } = TOKENS;
  const { messages, conversations, users, missing } = TOKENS;
  const { sendMessage, listMessagesBefore, listConversations, getConversation, startConversation } = TOKENS;
  const { saveUser, getUser, useCases, app } = TOKENS;

  value(clock, given.clock);
  value(messageIds, given.messageIds);
  value(conversationIdOf, systemConversationIdOf);
  value(log, given.log);
  value(docsAssets, given.docsAssets);
  value(requestTimeoutMs, given.requestTimeoutMs);

  value(messages, given.storage.messages);
  value(conversations, given.storage.conversations);
  value(users, given.storage.users);
  value(missing, () => given.storage.missing());

  made(sendMessage, makeSendMessage, { messages, messageIds, conversationIdOf });
  made(listMessagesBefore, makeListMessagesBefore, { messages, conversations });
  made(listConversations, makeListConversations, { conversations });
  made(getConversation, makeGetConversation, { messages, conversations });
  made(startConversation, makeStartConversation, {
    conversations,
    messageIds,
    conversationIdOf,
    getConversation,
  });
  made(saveUser, makeSaveUser, { users, clock });
  made(getUser, makeGetUser, { users });
  made(useCases, makeBoundedUseCases, {
    sendMessage,
    listMessagesBefore,
    listConversations,
    getConversation,
    startConversation,
    saveUser,
    getUser,
    requestTimeoutMs,
  });

  made(app, makeApp, { useCases, missing, docsAssets, log });

  return { take };
}

function makeBoundedUseCases({
  requestTimeoutMs,
  ...useCases
}: UseCases & { readonly requestTimeoutMs: number }): UseCases {
  return answeringWithin(requestTimeoutMs, useCases);
}
