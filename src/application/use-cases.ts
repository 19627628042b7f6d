import type { Microseconds } from '../domain/time.ts';
import { makeAddMember } from './add-member.ts';
import { makeCreateGroup } from './create-group.ts';
import { makeDeleteMessage } from './delete-message.ts';
import { makeEditMessage } from './edit-message.ts';
import { makeGetConversation } from './get-conversation.ts';
import { makeGetMessage } from './get-message.ts';
import { makeGetUser } from './get-user.ts';
import { makeListConversations } from './list-conversations.ts';
import { makeListEvents, type ListEventsQuery } from './list-events.ts';
import { makeListMessagesBefore, maxPageBytes } from './list-messages-before.ts';
import { makeMarkRead } from './mark-read.ts';
import type { Capacity } from './ports/capacity.ts';
import type { Clock } from './ports/clock.ts';
import type { ConversationIdOf } from './ports/conversation-ids.ts';
import type { MessageIds } from './ports/message-ids.ts';
import type { Repositories } from './ports/storage.ts';
import { makeRemoveMember } from './remove-member.ts';
import { makeRenameGroup } from './rename-group.ts';
import { makeSaveUser } from './save-user.ts';
import { makeSendMessage } from './send-message.ts';
import { makeSendToConversation } from './send-to-conversation.ts';
import { makeStartConversation } from './start-conversation.ts';

/** The dependencies of all use cases. */
export interface UseCaseDeps extends Repositories {
  readonly clock: Clock;
  readonly messageIds: MessageIds;
  readonly conversationIdOf: ConversationIdOf;
  readonly capacity: Capacity;
  /** See `visibilityWindow` of the domain. */
  readonly visibilityWindow: Microseconds;
}

interface Declaration {
  /** A `query` changes nothing. A `command` that times out may have been executed. */
  readonly kind: 'query' | 'command';
  readonly make: (deps: UseCaseDeps) => (request: never) => Promise<unknown>;
  /** The maximum bytes of content in its result; omitted if that is small. */
  readonly maxBytes?: (request: never) => number;
  /** True for a query whose result depends on the time. Commands always need a verified clock, since order is by id. */
  readonly needsClock?: boolean;
}

/** The list of all use cases. Everything else that needs the list is derived from it. */
export const USE_CASES = {
  sendMessage: { kind: 'command', make: makeSendMessage },
  sendToConversation: { kind: 'command', make: makeSendToConversation },
  getMessage: { kind: 'query', make: makeGetMessage },
  editMessage: { kind: 'command', make: makeEditMessage },
  deleteMessage: { kind: 'command', make: makeDeleteMessage },
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
  createGroup: { kind: 'command', make: makeCreateGroup },
  addMember: { kind: 'command', make: makeAddMember },
  removeMember: { kind: 'command', make: makeRemoveMember },
  renameGroup: { kind: 'command', make: makeRenameGroup },
  markRead: { kind: 'command', make: makeMarkRead },
  saveUser: { kind: 'command', make: makeSaveUser },
  getUser: { kind: 'query', make: makeGetUser },
} as const satisfies Readonly<Record<string, Declaration>>;

/** All use cases. Each may also reject with a `StorageFailure`. */
export type UseCases = {
  readonly [Name in UseCaseName]: ReturnType<(typeof USE_CASES)[Name]['make']>;
};

export type UseCaseName = keyof typeof USE_CASES;

export const USE_CASE_NAMES = Object.keys(USE_CASES) as readonly UseCaseName[];

/** Makes all use cases with the same dependencies. */
export function makeUseCases(deps: UseCaseDeps): UseCases {
  return Object.fromEntries(USE_CASE_NAMES.map((name) => [name, USE_CASES[name].make(deps)])) as UseCases;
}

type AnyUseCase = (request: never) => Promise<unknown>;

/** The same use cases, each wrapped by `wrap`. */
export function wrapUseCases(
  useCases: UseCases,
  wrap: (useCase: AnyUseCase, name: UseCaseName) => AnyUseCase,
): UseCases {
  return Object.fromEntries(
    USE_CASE_NAMES.map((name) => [name, wrap(useCases[name], name)]),
  ) as unknown as UseCases;
}

/** The maximum bytes of content in the result of a request; 0 if the use case declares none. */
export function maxBytesOf(name: UseCaseName, request: never): number {
  const { maxBytes }: Declaration = USE_CASES[name];
  return maxBytes?.(request) ?? 0;
}

/** Whether a use case needs a verified clock. */
export function needsClock(name: UseCaseName): boolean {
  const { kind, needsClock = false }: Declaration = USE_CASES[name];
  return kind === 'command' || needsClock;
}
