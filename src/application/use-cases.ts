import type { Microseconds } from '../domain/time.ts';
import { makeGetConversation } from './get-conversation.ts';
import { makeGetUser } from './get-user.ts';
import { makeListConversations } from './list-conversations.ts';
import { makeListEvents, type ListEventsQuery } from './list-events.ts';
import { makeListMessagesBefore, maxPageBytes } from './list-messages-before.ts';
import { makeMarkRead } from './mark-read.ts';
import type { Clock } from './ports/clock.ts';
import type { ConversationIdOf } from './ports/conversation-ids.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { Repositories } from './ports/storage.ts';
import { makeSaveUser } from './save-user.ts';
import { makeSendMessage } from './send-message.ts';
import { makeStartConversation } from './start-conversation.ts';

/** What use cases are made of. */
export interface UseCaseDeps extends Repositories {
  readonly clock: Clock;
  readonly messageIds: MessageIds;
  readonly conversationIdOf: ConversationIdOf;
  /** See `visibilityWindow` of the domain. */
  readonly visibilityWindow: Microseconds;
}

interface Declaration {
  /** A `query` changes nothing. A `command` that is given up may have been carried out. */
  readonly kind: 'query' | 'command';
  readonly make: (deps: UseCaseDeps) => (request: never) => Promise<unknown>;
  /** The most bytes of content that its result holds; left out where they do not matter. */
  readonly maxBytes?: (request: never) => number;
  /** True for a query whose result depends on the time. Commands need a verified clock in any case, as order is by id. */
  readonly needsClock?: boolean;
}

/** The list of all use cases. Everything else that has to know them is derived from it. */
export const USE_CASES = {
  sendMessage: { kind: 'command', make: makeSendMessage },
  listMessagesBefore: { kind: 'query', make: makeListMessagesBefore, maxBytes: maxPageBytes },
  listConversations: { kind: 'query', make: makeListConversations },
  listEvents: {
    kind: 'query',
    make: makeListEvents,
    maxBytes: ({ maxBytes }: ListEventsQuery) => maxBytes,
    needsClock: true,
  },
  getConversation: { kind: 'query', make: makeGetConversation },
  startConversation: { kind: 'command', make: makeStartConversation },
  markRead: { kind: 'command', make: makeMarkRead },
  saveUser: { kind: 'command', make: makeSaveUser },
  getUser: { kind: 'query', make: makeGetUser },
} as const satisfies Readonly<Record<string, Declaration>>;

/** All that the messenger does. Each may also reject with a `StorageFailure`. */
export type UseCases = {
  readonly [Name in UseCaseName]: ReturnType<(typeof USE_CASES)[Name]['make']>;
};

export type UseCaseName = keyof typeof USE_CASES;

export const USE_CASE_NAMES = Object.keys(USE_CASES) as readonly UseCaseName[];

/** All use cases over the same ports. */
export function makeUseCases(deps: UseCaseDeps): UseCases {
  return Object.fromEntries(USE_CASE_NAMES.map((name) => [name, USE_CASES[name].make(deps)])) as UseCases;
}

type AnyUseCase = (request: never) => Promise<unknown>;

/** The same use cases, each replaced by what `wrap` makes of it. */
export function wrapUseCases(
  useCases: UseCases,
  wrap: (useCase: AnyUseCase, name: UseCaseName) => AnyUseCase,
): UseCases {
  return Object.fromEntries(
    USE_CASE_NAMES.map((name) => [name, wrap(useCases[name], name)]),
  ) as unknown as UseCases;
}

/** The most bytes of content that the result of a request holds; 0 where they do not matter. */
export function maxBytesOf(name: UseCaseName, request: never): number {
  const { maxBytes }: Declaration = USE_CASES[name];
  return maxBytes?.(request) ?? 0;
}

/** Whether a use case begins only with a verified clock. */
export function needsClock(name: UseCaseName): boolean {
  const { kind, needsClock = false }: Declaration = USE_CASES[name];
  return kind === 'command' || needsClock;
}
