import { makeApp } from '../adapters/http/app.ts';
import type { Pseudonymize } from '../adapters/http/middleware/request-context.ts';
import type { AccessPolicy } from '../adapters/http/middleware/access-policy.ts';
import type { EventStreams } from '../adapters/http/event-streams.ts';
import type { DocsAssets } from '../adapters/http/routes/docs.ts';
import type { MetricsText } from '../adapters/http/routes/metrics.ts';
import { conversationIdOf as systemConversationIdOf } from '../adapters/system/conversation-ids.ts';
import { withTimeout } from '../adapters/system/with-timeout.ts';
import { HOST_TIMER } from '../adapters/system/timer.ts';
import { makeConcurrencyLimiter, type ConcurrencyLimiter } from '../application/concurrency-limiter.ts';
import { makeFollowEvents, type FollowEvents } from '../application/follow-events.ts';
import { makeGetConversation } from '../application/get-conversation.ts';
import { makeGetUser } from '../application/get-user.ts';
import { makeListConversations } from '../application/list-conversations.ts';
import { makeListEvents } from '../application/list-events.ts';
import { makeListMessagesBefore } from '../application/list-messages-before.ts';
import type { Build } from '../application/ports/build.ts';
import type { ClockCheck } from '../application/ports/clock-check.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { Hints } from '../application/ports/hints.ts';
import type { Log } from '../application/ports/log.ts';
import type { MessageIds } from '../application/ports/message-ids.ts';
import type { Storage } from '../application/ports/storage.ts';
import type { Telemetry } from '../application/ports/telemetry.ts';
import type { Timer } from '../application/ports/timer.ts';
import type { Tracing } from '../application/ports/tracing.ts';
import { requireVerifiedClock } from '../application/require-verified-clock.ts';
import { makeSaveUser } from '../application/save-user.ts';
import { makeSendMessage } from '../application/send-message.ts';
import { makeStartConversation } from '../application/start-conversation.ts';
import { withTracing } from '../application/with-tracing.ts';
import type { UseCases } from '../application/use-cases.ts';
import { withHints } from '../application/with-hints.ts';
import type { Microseconds } from '../domain/time.ts';
import { makeProvisions, type Provisions } from './provide.ts';
import { TOKENS } from './tokens.ts';

/** What differs from host to host and from test to test. All of it is open already; the caller closes storage. */
export interface Dependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  /** ValidatedRequest before each write. */
  readonly clockCheck: ClockCheck;
  readonly messageIds: MessageIds;
  readonly telemetry: Telemetry;
  /** Null where nothing is traced. */
  readonly tracing: Tracing | null;
  /** What the app gives at /metrics; null where it has no such path. */
  readonly metrics: MetricsText | null;
  readonly log: Log;
  readonly pseudonymize: Pseudonymize;
  readonly build: Build;
  readonly docsAssets: DocsAssets;
  /** The path under which a proxy shows the service; empty for none. */
  readonly publicPath: string;
  readonly accessPolicy: AccessPolicy;
  readonly hints: Hints;
  /** How often streams and waiting polls read the log without a hint, in milliseconds. */
  readonly pollIntervalMs: number;
  /** See `visibilityWindow`. */
  readonly visibilityWindow: Microseconds;
  readonly streams: EventStreams;
  readonly requestTimeoutMs: number;
  readonly maxRequestsInFlight: number;
}

/** The messenger, put together: `TOKENS.app` is what a host serves. */
export function buildContainer(given: Dependencies): Pick<Provisions, 'take'> {
  const { value, made, take } = makeProvisions();
  const { clock, clockCheck, messageIds, conversationIdOf, log, pseudonymize, build, docsAssets } = TOKENS;
  const { publicPath, accessPolicy } = TOKENS;
  const { telemetry, tracing, metrics, requestTimeoutMs, maxRequestsInFlight } = TOKENS;
  const { hints, timer, random, pollIntervalMs, visibilityWindow, streams, listEvents, followEvents } =
    TOKENS;
  const { messages, conversations, events, users, readinessProblems } = TOKENS;
  const { sendMessage, listMessagesBefore, listConversations, getConversation, startConversation } = TOKENS;
  const { saveUser, getUser, concurrencyLimiter, useCases, app } = TOKENS;

  value(clock, given.clock);
  value(clockCheck, given.clockCheck);
  value(messageIds, given.messageIds);
  value(conversationIdOf, systemConversationIdOf);
  value(telemetry, given.telemetry);
  value(tracing, given.tracing);
  value(metrics, given.metrics);
  value(log, given.log);
  value(pseudonymize, given.pseudonymize);
  value(build, given.build);
  value(docsAssets, given.docsAssets);
  value(publicPath, given.publicPath);
  value(accessPolicy, given.accessPolicy);
  value(hints, given.hints);
  value(timer, HOST_TIMER);
  value(random, Math.random);
  value(pollIntervalMs, given.pollIntervalMs);
  value(visibilityWindow, given.visibilityWindow);
  value(streams, given.streams);
  value(requestTimeoutMs, given.requestTimeoutMs);
  value(maxRequestsInFlight, given.maxRequestsInFlight);

  value(messages, given.storage.messages);
  value(conversations, given.storage.conversations);
  value(events, given.storage.events);
  value(users, given.storage.users);
  value(readinessProblems, async () => {
    const all = await Promise.all([
      given.storage.readinessProblems(),
      given.accessPolicy.readinessProblems(),
    ]);
    return all.flat();
  });

  made(sendMessage, makeSendMessage, { messages, messageIds, conversationIdOf });
  made(listMessagesBefore, makeListMessagesBefore, { messages, conversations, messageIds });
  made(listConversations, makeListConversations, { conversations, messageIds });
  made(listEvents, makeListEvents, {
    events,
    messages,
    getConversation,
    messageIds,
    clock,
    visibilityWindow,
  });
  made(getConversation, makeGetConversation, { messages, conversations, messageIds });
  made(startConversation, makeStartConversation, {
    conversations,
    messageIds,
    conversationIdOf,
    getConversation,
  });
  made(saveUser, makeSaveUser, { users, clock });
  made(getUser, makeGetUser, { users });
  made(concurrencyLimiter, makeAdmission, {
    sendMessage,
    listMessagesBefore,
    listConversations,
    listEvents,
    getConversation,
    startConversation,
    saveUser,
    getUser,
    hints,
    maxRequestsInFlight,
    clock,
  });
  made(useCases, makeBoundedUseCases, { concurrencyLimiter, clockCheck, requestTimeoutMs, tracing });

  made(followEvents, makeFollowing, { useCases, hints, timer, pollIntervalMs, random });

  made(app, makeApp, {
    useCases,
    concurrencyLimiter,
    followEvents,
    streams,
    readinessProblems,
    build,
    docsAssets,
    publicPath,
    accessPolicy,
    telemetry,
    tracing,
    metrics,
    log,
    pseudonymize,
  });

  return { take };
}

function makeAdmission({
  maxRequestsInFlight,
  clock,
  hints,
  ...useCases
}: UseCases & {
  readonly hints: Hints;
  readonly maxRequestsInFlight: number;
  readonly clock: Clock;
}): ConcurrencyLimiter {
  // A write that outlasts its request gives news as well.
  return makeConcurrencyLimiter({ most: maxRequestsInFlight, clock, useCases: withHints(hints, useCases) });
}

/** Each read of a follower is a use case within all limits; while it waits, it takes no place. */
function makeFollowing(deps: {
  readonly useCases: UseCases;
  readonly hints: Hints;
  readonly timer: Timer;
  readonly pollIntervalMs: number;
  readonly random: () => number;
}): FollowEvents {
  return makeFollowEvents({ ...deps, listEvents: deps.useCases.listEvents });
}

function makeBoundedUseCases(deps: {
  readonly concurrencyLimiter: ConcurrencyLimiter;
  readonly clockCheck: ClockCheck;
  readonly requestTimeoutMs: number;
  readonly tracing: Tracing | null;
}): UseCases {
  // What waits for the clock takes no place from what storage works on.
  const checked = requireVerifiedClock(deps.clockCheck, deps.concurrencyLimiter.useCases);
  const bounded = withTimeout(deps.requestTimeoutMs, checked);
  return deps.tracing === null ? bounded : withTracing(deps.tracing, bounded);
}
