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
