import type { Clock } from '../../application/ports/clock.ts';
import type { MessageIds } from '../../application/ports/message-ids.ts';
import type { Storage } from '../../application/ports/storage.ts';
import type { LatenessLimits } from '../../domain/event.ts';
import { MemoryConversationRepository } from './conversation-repository.ts';
import { MemoryEventRepository } from './event-repository.ts';
import { MemoryGroupRepository } from './group-repository.ts';
import { MemoryIdempotencyKeys } from './idempotency-keys.ts';
import { MemoryMessageRepository } from './message-repository.ts';
import { MemoryReadPositionRepository } from './read-position-repository.ts';
import { MemoryUserRepository } from './user-repository.ts';

/** Dependencies and retentions of the storage in memory. */
export interface MemoryStorageOptions {
  readonly clock: Clock;
  readonly messageIds: MessageIds;
  readonly limits: LatenessLimits;
  readonly eventRetentionDays: number;
  /** 0 means no limit. */
  readonly keyRetentionDays: number;
}

/** Storage in this process's memory. It has all guarantees of the storage contract except durability. */
export function makeMemoryStorage(options: MemoryStorageOptions): Storage {
  const events = new MemoryEventRepository(options);
  const conversations = new MemoryConversationRepository({ ...options, events });
  const keys = new MemoryIdempotencyKeys(options);
  const groups: MemoryGroupRepository = new MemoryGroupRepository({
    ...options,
    conversations,
    events,
    keys,
    messagesAbove: (id, position) => messages.listAbove(id, position, null, Infinity),
  });
  const messages = new MemoryMessageRepository({ ...options, conversations, groups, keys });
  return {
    messages,
    conversations,
    groups,
    events,
    readPositions: new MemoryReadPositionRepository({ ...options, conversations, messages, events }),
    users: new MemoryUserRepository(),
    readinessProblems: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}
