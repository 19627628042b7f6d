import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Pseudonymize } from '../adapters/http/middleware/request-context.ts';
import type { AccessPolicy } from '../adapters/http/middleware/access-policy.ts';
import type { EventStreams } from '../adapters/http/event-streams.ts';
import type { DocsAssets } from '../adapters/http/routes/docs.ts';
import type { MetricsText } from '../adapters/http/routes/metrics.ts';
import type { ConcurrencyLimiter } from '../application/concurrency-limiter.ts';
import type { FollowEvents } from '../application/follow-events.ts';
import type { GetConversation } from '../application/get-conversation.ts';
import type { GetUser } from '../application/get-user.ts';
import type { ListConversations } from '../application/list-conversations.ts';
import type { ListEvents } from '../application/list-events.ts';
import type { ListMessagesBefore } from '../application/list-messages-before.ts';
import type { Build } from '../application/ports/build.ts';
import type { ClockCheck } from '../application/ports/clock-check.ts';
import type { Clock } from '../application/ports/clock.ts';
import type { ConversationIdOf } from '../application/ports/conversation-ids.ts';
import type { ConversationRepository } from '../application/ports/conversation-repository.ts';
import type { EventRepository } from '../application/ports/event-repository.ts';
import type { Hints } from '../application/ports/hints.ts';
import type { Log } from '../application/ports/log.ts';
import type { MessageIds } from '../application/ports/message-ids.ts';
import type { MessageRepository } from '../application/ports/message-repository.ts';
import type { Storage } from '../application/ports/storage.ts';
import type { Telemetry } from '../application/ports/telemetry.ts';
import type { Timer } from '../application/ports/timer.ts';
import type { Tracing } from '../application/ports/tracing.ts';
import type { UserRepository } from '../application/ports/user-repository.ts';
import type { SaveUser } from '../application/save-user.ts';
import type { SendMessage } from '../application/send-message.ts';
import type { StartConversation } from '../application/start-conversation.ts';
import type { UseCases } from '../application/use-cases.ts';
import { token } from './provide.ts';

/** The name of every value of the wiring. */
export const TOKENS = {
  clock: token<Clock>('clock'),
  clockCheck: token<ClockCheck>('clockCheck'),
  messageIds: token<MessageIds>('messageIds'),
  conversationIdOf: token<ConversationIdOf>('conversationIdOf'),
  telemetry: token<Telemetry>('telemetry'),
  tracing: token<Tracing | null>('tracing'),
  metrics: token<MetricsText | null>('metrics'),
  log: token<Log>('log'),
  pseudonymize: token<Pseudonymize>('pseudonymize'),
  build: token<Build>('build'),
  docsAssets: token<DocsAssets>('docsAssets'),
  publicPath: token<string>('publicPath'),
  accessPolicy: token<AccessPolicy>('accessPolicy'),
  hints: token<Hints>('hints'),
  timer: token<Timer>('timer'),
  random: token<() => number>('random'),
  /** Between two reads of a stream or waiting poll without a hint. */
  pollIntervalMs: token<number>('pollIntervalMs'),
  /** In microseconds; the same in all processes. */
  visibilityWindow: token<number>('visibilityWindow'),
  streams: token<EventStreams>('streams'),
  requestTimeoutMs: token<number>('requestTimeoutMs'),
  maxRequestsInFlight: token<number>('maxRequestsInFlight'),

  messages: token<MessageRepository>('messages'),
  conversations: token<ConversationRepository>('conversations'),
  events: token<EventRepository>('events'),
  users: token<UserRepository>('users'),
  /** What keeps the service from serving, a sentence each. */
  readinessProblems: token<Storage['readinessProblems']>('missing'),

  sendMessage: token<SendMessage>('sendMessage'),
  listMessagesBefore: token<ListMessagesBefore>('listMessagesBefore'),
  listConversations: token<ListConversations>('listConversations'),
  listEvents: token<ListEvents>('listEvents'),
  getConversation: token<GetConversation>('getConversation'),
  startConversation: token<StartConversation>('startConversation'),
  saveUser: token<SaveUser>('saveUser'),
  getUser: token<GetUser>('getUser'),
  /** All of them, as many at a time as there is room for. */
  concurrencyLimiter: token<ConcurrencyLimiter>('concurrencyLimiter'),
  /** The same, each answering within the request's time. */
  useCases: token<UseCases>('useCases'),
  followEvents: token<FollowEvents>('followEvents'),

  app: token<OpenAPIHono>('app'),
};
