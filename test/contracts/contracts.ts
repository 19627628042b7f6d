import { conversationRepositoryContract } from './conversation-repository.ts';
import { eventRepositoryContract } from './event-repository.ts';
import { messageRepositoryContract } from './message-repository.ts';
import { readPositionRepositoryContract } from './read-position-repository.ts';
import { storageContract } from './storage.ts';
import { userRepositoryContract } from './user-repository.ts';

/** All that a storage adapter promises, port by port. */
export const contracts = {
  'message repository': messageRepositoryContract,
  'conversation repository': conversationRepositoryContract,
  'event repository': eventRepositoryContract,
  'read position repository': readPositionRepositoryContract,
  'user repository': userRepositoryContract,
  storage: storageContract,
};
