import type { UserId } from '../domain/ids.ts';
import type { Microseconds } from '../domain/time.ts';
import { makeAddMember } from './add-member.ts';
import { makeCreateGroup } from './create-group.ts';
import { makeDeleteMessage } from './delete-message.ts';
import { makeEditMessage } from './edit-message.ts';
import { makeGetConversation } from './get-conversation.ts';
import { makeGetMessage } from './get-message.ts';
import { makeGetUser } from './get-user.ts';
import { makeListConversations } from './list-conversations.ts';
import { makeListEvents } from './list-events.ts';
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

type AnyUseCase = (request: never) => Promise<unknown>;

interface Declaration {
  /** A `query` changes nothing. A `command` that times out may have been executed. */
  readonly kind: 'query' | 'command';
  readonly make: (deps: UseCaseDeps) => AnyUseCase;
  readonly notifies: ((result: never) => readonly UserId[]) | null;
  readonly maxBytes?: (request: never) => number;
  readonly needsClock: boolean;
}

/**
 * A use case that writes; it needs a verified clock, since order is by id. `notifies` returns the users to whose event logs
 * it has added events; it is null for a command that adds none.
 */
function command<UseCase extends AnyUseCase>(
  make: (deps: UseCaseDeps) => UseCase,
  notifies: ((result: Awaited<ReturnType<UseCase>>) => readonly UserId[]) | null,
) {
  return { kind: 'command', make, notifies, needsClock: true } as const;
}

/**
 * A use case that changes nothing. `maxBytes` returns the maximum bytes of content in its result; without it, that is small.
 * `needsClock` is true if its result depends on the time.
 */
function query<UseCase extends AnyUseCase>(
  make: (deps: UseCaseDeps) => UseCase,
  options: {
    readonly maxBytes?: (request: Parameters<UseCase>[0]) => number;
    readonly needsClock?: boolean;
  } = {},
) {
  return { kind: 'query', make, notifies: null, needsClock: false, ...options } as const;
}

/** The list of all use cases. Everything else that needs the list is derived from it. */
export const USE_CASES = {
  sendMessage: command(makeSendMessage, ({ message }) => [
    message.senderId,
    message.receiverId ?? message.senderId,
  ]),
  sendToConversation: command(makeSendToConversation, ({ recipients }) => recipients),
  getMessage: query(makeGetMessage),
  editMessage: command(makeEditMessage, ({ participants }) => participants),
  deleteMessage: command(makeDeleteMessage, ({ participants }) => participants),
  listMessagesBefore: query(makeListMessagesBefore, { maxBytes: maxPageBytes }),
  listConversations: query(makeListConversations),
  listEvents: query(makeListEvents, { maxBytes: ({ maxBytes }) => maxBytes, needsClock: true }),
  getConversation: query(makeGetConversation),
  startConversation: command(makeStartConversation, ({ conversation }) => conversation.participants),
  createGroup: command(makeCreateGroup, ({ conversation }) => conversation.participants),
  addMember: command(makeAddMember, ({ notified }) => notified),
  removeMember: command(makeRemoveMember, ({ notified }) => notified),
  renameGroup: command(makeRenameGroup, ({ notified }) => notified),
  markRead: command(makeMarkRead, ({ participants }) => participants),
  saveUser: command(makeSaveUser, null),
  getUser: query(makeGetUser),
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
  return USE_CASES[name].needsClock;
}

/** Returns the users to whose event logs a use case has added events, by its result; null if it adds no events. */
export function notifierOf(name: UseCaseName): ((result: unknown) => readonly UserId[]) | null {
  const { notifies }: Declaration = USE_CASES[name];
  return notifies as ((result: unknown) => readonly UserId[]) | null;
}
