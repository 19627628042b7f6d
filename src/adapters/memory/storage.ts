import type { Storage } from '../../application/ports/storage.ts';
import { MemoryConversationRepository } from './conversation-repository.ts';
import { MemoryMessageRepository } from './message-repository.ts';
import { MemoryUserRepository } from './user-repository.ts';

/** Storage in this process's memory: it keeps every promise of a storage but the one to outlive the process. */
export function makeMemoryStorage(): Storage {
  const conversations = new MemoryConversationRepository();
  return {
    messages: new MemoryMessageRepository({ conversations }),
    conversations,
    users: new MemoryUserRepository(),
    missing: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}
