import type { ConversationRepository } from './conversation-repository.ts';
import type { EventRepository } from './event-repository.ts';
import type { MessageRepository } from './message-repository.ts';
import type { ReadPositionRepository } from './read-position-repository.ts';
import type { UserRepository } from './user-repository.ts';

/** All that a storage adapter must bring. */
export interface Storage {
  readonly messages: MessageRepository;
  readonly conversations: ConversationRepository;
  readonly events: EventRepository;
  readonly readPositions: ReadPositionRepository;
  readonly users: UserRepository;

  /** What keeps this storage from serving, a sentence each, fit for any reader; empty when it is ready. */
  missing(): Promise<readonly string[]>;

  /** Lets the writes in progress finish, those in the background too, within a bounded time, and lets go. */
  close(): Promise<void>;
}
