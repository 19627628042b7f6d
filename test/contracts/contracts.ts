import type { Storage } from '../../src/application/ports/storage.ts';
import type { Contract, StorageSubject } from './contract.ts';
import { conversationRepositoryContract } from './conversation-repository.ts';
import { eventRepositoryContract } from './event-repository.ts';
import { messageChangesContract } from './message-changes.ts';
import { groupRepositoryContract } from './group-repository.ts';
import { messageRepositoryContract } from './message-repository.ts';
import { readPositionRepositoryContract } from './read-position-repository.ts';
import { storageContract } from './storage.ts';
import { userRepositoryContract } from './user-repository.ts';

/** The repositories of a storage, by name. */
type RepositoryName = Exclude<keyof Storage, 'readinessProblems' | 'close'>;

/** The contract of each repository and of the storage as a whole. A repository without a contract is a compile error. */
export const contracts = {
  messages: messageRepositoryContract,
  'message changes': messageChangesContract,
  conversations: conversationRepositoryContract,
  groups: groupRepositoryContract,
  events: eventRepositoryContract,
  readPositions: readPositionRepositoryContract,
  users: userRepositoryContract,
  storage: storageContract,
} satisfies Readonly<Record<RepositoryName | 'message changes' | 'storage', Contract<StorageSubject>>>;
