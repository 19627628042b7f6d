import { makeApp } from '../adapters/http/app.ts';
import type { UserNames } from '../adapters/http/exchange.ts';
import type { Gate } from '../adapters/http/gate.ts';
import type { DocsAssets } from '../adapters/http/routes/docs.ts';
import type { MetricsText } from '../adapters/http/routes/metrics.ts';
import { conversationIdOf as systemConversationIdOf } from '../adapters/system/conversation-ids.ts';
import { answeringWithin } from '../adapters/system/deadline.ts';
import { admitting, type Admission } from '../application/admission.ts';
import { makeGetConversation } from '../application/get-conversation.ts';
import { makeGetUser } from '../application/get-user.ts';
import { makeListConversations } from '../application/list-conversations.ts';
import { makeListMessagesBefore } from '../application/list-messages-before.ts';
import { makeMarkRead } from '../application/mark-read.ts';
import type { Build } from '../application/ports/build.ts';
import type { ClockCheck } from '../application/ports/clock-check.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Log } from '../application/ports/log.ts';
import type { MessageIds } from '../application/ports/message-ids.ts';
import type { Storage } from '../application/ports/storage.ts';
import type { Telemetry } from '../application/ports/telemetry.ts';
import type { Tracing } from '../application/ports/tracing.ts';
import { requireVerifiedClock } from '../application/require-verified-clock.ts';
import { makeSaveUser } from '../application/save-user.ts';
import { makeSendMessage } from '../application/send-message.ts';
import { makeStartConversation } from '../application/start-conversation.ts';
import { traced } from '../application/tracing.ts';
import type { UseCases } from '../application/use-cases.ts';
import { makeProvisions, type Provisions } from './provide.ts';
import { TOKENS } from './tokens.ts';

/** What differs from host to host and from test to test. All of it is open already; the caller closes storage. */
export interface Ingredients {
  readonly storage: Storage;
  readonly clock: Clock;
  /** Asked before each write. */
  readonly clockCheck: ClockCheck;
  readonly messageIds: MessageIds;
  readonly telemetry: Telemetry;
  /** Null where nothing is traced. */
  readonly tracing: Tracing | null;
  /** What the app gives at /metrics; null where it has no such path. */
  readonly metrics: MetricsText | null;
  readonly log: Log;
  readonly userNames: UserNames;
  readonly build: Build;
  readonly docsAssets: DocsAssets;
  /** The path under which a proxy shows the service; empty for none. */
  readonly publicPath: string;
  readonly gate: Gate;
  readonly requestTimeoutMs: number;
  readonly maxRequestsInFlight: number;
}

/** The messenger, put together: `TOKENS.app` is what a host serves. */
export function buildContainer(given: Ingredients): Pick<Provisions, 'take'> {
  const { value, made, take } = makeProvisions();
  const { clock, clockCheck, messageIds, conversationIdOf, log, userNames, build, docsAssets } = TOKENS;
  const { publicPath, gate } = TOKENS;
  const { telemetry, tracing, metrics, requestTimeoutMs, maxRequestsInFlight } = TOKENS;
  const { messages, conversations, readPositions, users, missing } = TOKENS;
  const { sendMessage, listMessagesBefore, listConversations, getConversation, startConversation } = TOKENS;
  const { markRead, saveUser, getUser, admission, useCases, app } = TOKENS;

  value(clock, given.clock);
  value(clockCheck, given.clockCheck);
  value(messageIds, given.messageIds);
  value(conversationIdOf, systemConversationIdOf);
  value(telemetry, given.telemetry);
  value(tracing, given.tracing);
  value(metrics, given.metrics);
  value(log, given.log);
  value(userNames, given.userNames);
  value(build, given.build);
  value(docsAssets, given.docsAssets);
  value(publicPath, given.publicPath);
  value(gate, given.gate);
  value(requestTimeoutMs, given.requestTimeoutMs);
  value(maxRequestsInFlight, given.maxRequestsInFlight);

  value(messages, given.storage.messages);
  value(conversations, given.storage.conversations);
  value(readPositions, given.storage.readPositions);
  value(users, given.storage.users);
  value(missing, async () => {
    const all = await Promise.all([given.storage.missing(), given.gate.readinessProblems()]);
    return all.flat();
  });

  made(sendMessage, makeSendMessage, { messages, messageIds, conversationIdOf });
  made(listMessagesBefore, makeListMessagesBefore, { messages, conversations, messageIds });
  made(listConversations, makeListConversations, { conversations, readPositions, messageIds });
  made(getConversation, makeGetConversation, { messages, conversations, readPositions, messageIds });
  made(startConversation, makeStartConversation, {
    conversations,
    messageIds,
    conversationIdOf,
    getConversation,
  });
  made(markRead, makeMarkRead, { readPositions, messageIds });
  made(saveUser, makeSaveUser, { users, clock });
  made(getUser, makeGetUser, { users });
  made(admission, makeAdmission, {
    sendMessage,
    listMessagesBefore,
    listConversations,
    getConversation,
    startConversation,
    markRead,
    saveUser,
    getUser,
    maxRequestsInFlight,
    clock,
  });
  made(useCases, makeBoundedUseCases, { admission, clockCheck, requestTimeoutMs, tracing });

  made(app, makeApp, {
    useCases,
    admission,
    missing,
    build,
    docsAssets,
    publicPath,
    gate,
    telemetry,
    tracing,
    metrics,
    log,
    userNames,
  });

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
  readonly clockCheck: ClockCheck;
  readonly requestTimeoutMs: number;
  readonly tracing: Tracing | null;
}): UseCases {
  // What waits for the clock takes no place from what storage works on.
  const checked = requireVerifiedClock(needs.clockCheck, needs.admission.useCases);
  const bounded = answeringWithin(needs.requestTimeoutMs, checked);
  return needs.tracing === null ? bounded : traced(needs.tracing, bounded);
}
