import type { ConversationRepository } from './conversation-repository.ts';
import type { EventRepository } from './event-repository.ts';
import type { GroupRepository } from './group-repository.ts';
import type { MessageRepository } from './message-repository.ts';
import type { ReadPositionRepository } from './read-position-repository.ts';
import type { UserRepository } from './user-repository.ts';

/** The repositories of a storage. Each has a contract in `test/contracts`. */
export interface Repositories {
  readonly messages: MessageRepository;
  readonly conversations: ConversationRepository;
  readonly groups: GroupRepository;
  readonly events: EventRepository;
  readonly readPositions: ReadPositionRepository;
  readonly users: UserRepository;
}

/** The interface of a storage adapter. */
export interface Storage extends Repositories {
  /** The reasons why this storage can't serve now, as sentences without secrets; empty if it is ready. */
  readinessProblems(): Promise<readonly string[]>;

  /** Waits a bounded time for the writes in progress, including background retries, then closes its connections. */
  close(): Promise<void>;
}

type Method = (...given: never[]) => unknown;

/**
 * The same storage with each method of its repositories replaced by `wrap(method, name)`. The name is that of the
 * repository and of the method, such as `messages.append`. `readinessProblems` and `close` are unchanged.
 */
export function wrapStorage(storage: Storage, wrap: (method: Method, name: string) => Method): Storage {
  const parts = Object.entries(storage).map(([name, part]: [string, object]): [string, object] => {
    if (typeof part === 'function') return [name, part];
    const methods = Object.entries(methodsOf(part));
    const wrapped = methods.map(([own, method]) => [own, wrap(method, `${name}.${own}`)] as const);
    return [name, Object.fromEntries(wrapped)];
  });
  return Object.fromEntries(parts) as unknown as Storage;
}

/** The methods of a repository, its own and those of its class, bound to it. */
export function methodsOf(repository: object): Readonly<Record<string, Method>> {
  const names = [repository, Object.getPrototypeOf(repository) as object].flatMap(Object.getOwnPropertyNames);
  const methods = names.flatMap((name) => {
    const method: unknown = Reflect.get(repository, name);
    if (typeof method !== 'function' || name in Object.prototype) return [];
    return [[name, method.bind(repository) as Method]];
  });
  return Object.fromEntries(methods) as Readonly<Record<string, Method>>;
}
