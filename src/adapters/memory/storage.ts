import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type { Storage } from '../../application/ports/storage.ts';
import type { Microseconds } from '../../domain/time.ts';
import { MemoryConversationRepository } from './conversation-repository.ts';
import { MemoryEventRepository } from './event-repository.ts';
import { MemoryMessageRepository } from './message-repository.ts';
import { MemoryReadPositionRepository } from './read-position-repository.ts';
import { MemoryUserRepository } from './user-repository.ts';

/** What the storage in memory needs, and for how long it keeps what it does not keep for ever. */
export interface MemoryStorageOptions {
  readonly clock: Clock;
  readonly messageIds: MessageIds;
  /** See `isLate`. */
  readonly limits: { readonly requestTimeout: Microseconds; readonly maxClockSkew: Microseconds };
  readonly eventRetentionDays: number;
  /** 0 for ever. */
  readonly keyRetentionDays: number;
}

/** Storage in this process's memory: it keeps every promise of a storage but the one to outlive the process. */
export function makeMemoryStorage(options: MemoryStorageOptions): Storage {
  const events = new MemoryEventRepository(options);
  const conversations = new MemoryConversationRepository({ events });
  const messages = new MemoryMessageRepository({ ...options, conversations });
  return {
    messages,
    conversations,
    events,
    readPositions: new MemoryReadPositionRepository({ ...options, conversations, messages, events }),
    users: new MemoryUserRepository(),
    readinessProblems: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}
