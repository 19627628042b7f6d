import { makeApp } from '../adapters/http/app.ts';
import type { Gate } from '../adapters/http/gate.ts';
import type { DocsAssets } from '../adapters/http/routes/docs.ts';
import { conversationIdOf as systemConversationIdOf } from '../adapters/system/conversation-ids.ts';
import { answeringWithin } from '../adapters/system/deadline.ts';
import { admitting, type Admission } from '../application/admission.ts';
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
  readonly gate: Gate;
  readonly requestTimeoutMs: number;
  readonly maxRequestsInFlight: number;
}

/** The messenger, put together: `TOKENS.app` is what a host serves. */
export function buildContainer(given: Ingredients): Pick<Provisions, 'take'> {
  const { value, made, take } = makeProvisions();
  const { clock, messageIds, conversationIdOf, log, docsAssets, gate } = TOKENS;
  const { requestTimeoutMs, maxRequestsInFlight } = TOKENS;
  const { messages, conversations, users, missing } = TOKENS;
  const { sendMessage, listMessagesBefore, listConversations, getConversation, startConversation } = TOKENS;
  const { saveUser, getUser, admission, useCases, app } = TOKENS;

  value(clock, given.clock);
  value(messageIds, given.messageIds);
  value(conversationIdOf, systemConversationIdOf);
  value(log, given.log);
  value(docsAssets, given.docsAssets);
  value(gate, given.gate);
  value(requestTimeoutMs, given.requestTimeoutMs);
  value(maxRequestsInFlight, given.maxRequestsInFlight);

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
  made(admission, makeAdmission, {
    sendMessage,
    listMessagesBefore,
    listConversations,
    getConversation,
    startConversation,
    saveUser,
    getUser,
    maxRequestsInFlight,
    clock,
  });
  made(useCases, makeBoundedUseCases, { admission, requestTimeoutMs });

  made(app, makeApp, { useCases, admission, missing, docsAssets, gate, log });

  return { take };
}

function makeAdmission({
  maxRequestsInFlight,
  clock,
  ...useCases
}: UseCases & { readonly maxRequestsInFlight: number; readonly clock: Clock }): Admission {
  return admitting({ most: maxRequestsInFlight, clock, useCases });
}

function makeBoundedUseCases(needs: {
  readonly admission: Admission;
  readonly requestTimeoutMs: number;
}): UseCases {
  return answeringWithin(needs.requestTimeoutMs, needs.admission.useCases);
}
