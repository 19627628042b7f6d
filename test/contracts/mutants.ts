import { memoryStorage } from '../support/memory-storage.ts';
import type { ConversationRepository } from '../../src/application/ports/conversation-repository.ts';
import type { EventRepository } from '../../src/application/ports/event-repository.ts';
import type {
  AppendResult,
  MessageRepository,
  AppendRequest,
} from '../../src/application/ports/message-repository.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import type { UserRepository } from '../../src/application/ports/user-repository.ts';
import type { Message } from '../../src/domain/message.ts';
import type { StorageSubject } from './contract.ts';

/** What breaks a promise, a storage where nothing else is said, and how it does. */
export interface Mutant<Subject = StorageSubject> {
  readonly how: string;
  readonly makeSubject: () => Subject;
}

/** At least one mutant for each sentence of a contract: a sentence that nobody can break is decoration. */
export type Mutants<Promises, Subject = StorageSubject> = {
  readonly [Sentence in keyof Promises]: readonly [Mutant<Subject>, ...Mutant<Subject>[]];
};

/** What a broken storage does in its own way. */
interface Breakage {
  readonly messages?: Partial<MessageRepository>;
  readonly conversations?: Partial<ConversationRepository>;
  readonly events?: Partial<EventRepository>;
  readonly users?: Partial<UserRepository>;
  readonly missing?: Storage['readinessProblems'];
  readonly close?: Storage['close'];
}

/** The storage in memory, which is whole, broken by `breakage`. */
export function broken(how: string, breakage: (whole: Storage) => Breakage): Mutant {
  return {
    how,
    makeSubject: () => {
      const whole = memoryStorage();
      const storage = withBreakage(whole, breakage(whole));
      return { processes: [storage, storage], open: () => Promise.resolve(storage) };
    },
  };
}

/** The same, but what is broken is each process, over a store that is whole. */
export function brokenInEachProcess(how: string, breakage: (whole: Storage) => Breakage): Mutant {
  return {
    how,
    makeSubject: () => {
      const whole = memoryStorage();
      const process = () => withBreakage(whole, breakage(whole));
      return { processes: [process(), process()], open: () => Promise.resolve(process()) };
    },
  };
}

/** `storage`, but for what `breakage` does. */
export function withBreakage(storage: Storage, breakage: Breakage): Storage {
  const { messages, conversations, events, users } = storage;
  return {
    messages: {
      append: (appendRequest) => messages.append(appendRequest),
      listBefore: (conversationId, slice) => messages.listBefore(conversationId, slice),
      find: (conversationId, ids) => messages.find(conversationId, ids),
      ...breakage.messages,
    },
    conversations: {
      find: (id) => conversations.find(id),
      start: (conversation) => conversations.start(conversation),
      isInInbox: (userId, id) => conversations.isInInbox(userId, id),
      listByUser: (userId, slice) => conversations.listByUser(userId, slice),
      ...breakage.conversations,
    },
    events: {
      completeSince: () => events.completeSince(),
      listAfter: (userId, after, limit) => events.listAfter(userId, after, limit),
      ...breakage.events,
    },
    users: {
      find: (id) => users.find(id),
      save: (user) => users.save(user),
      ...breakage.users,
    },
    readinessProblems: breakage.missing ?? (() => storage.readinessProblems()),
    close: breakage.close ?? (() => storage.close()),
  };
}

/** Answers the same question for ever as it was answered first. */
export function cached<Question extends readonly unknown[], Answer>(
  ask: (...question: Question) => Promise<Answer>,
): (...question: Question) => Promise<Answer> {
  const answers = new Map<string, Promise<Answer>>();
  return (...question) => {
    const name = JSON.stringify(question);
    const answer = answers.get(name) ?? ask(...question);
    answers.set(name, answer);
    return answer;
  };
}

/** Idempotency keys, kept rightly unless told otherwise. */
export function keepingKeys(
  { messages }: Storage,
  wrong: {
    readonly nameOf?: (message: Message, key: string) => string;
    readonly isRepeat?: (first: Message, message: Message) => boolean;
    readonly isForgotten?: (first: Message, message: Message) => boolean;
    readonly pause?: () => Promise<void>;
    readonly onRepeat?: (first: Message, appendRequest: AppendRequest) => Promise<AppendResult>;
    readonly onRefusal?: (appendRequest: AppendRequest) => Promise<unknown>;
  },
): Pick<MessageRepository, 'append'> {
  const {
    nameOf = ({ senderId }, key) => `${senderId} ${key}`,
    isRepeat = (first, { receiverId, content }) =>
      first.receiverId === receiverId && first.content === content,
    isForgotten = () => false,
    pause,
    onRepeat = (message) => Promise.resolve({ outcome: 'repeated', message }),
    onRefusal = () => Promise.resolve(),
  } = wrong;
  const claims = new Map<string, Message>();
  return {
    async append(appendRequest) {
      const { message, idempotencyKey } = appendRequest;
      const unnamed = { ...appendRequest, idempotencyKey: null };
      if (idempotencyKey === null) return messages.append(unnamed);
      const name = nameOf(message, idempotencyKey);
      const first = claims.get(name);
      if (first !== undefined && !isForgotten(first, message)) {
        if (isRepeat(first, message)) return onRepeat(first, unnamed);
        await onRefusal(unnamed);
        return { outcome: 'key_reused' };
      }
      // To wait for nothing would be a gap too.
      if (pause !== undefined) await pause();
      claims.set(name, message);
      return messages.append(unnamed);
    },
  };
}
