import type { Storage } from '../../src/application/ports/storage.ts';
import type { Contract, StorageSubject } from './contract.ts';
import { conversationRepositoryMutants } from './conversation-repository.mutants.ts';
import { conversationRepositoryContract } from './conversation-repository.ts';
import { eventRepositoryMutants } from './event-repository.mutants.ts';
import { eventRepositoryContract } from './event-repository.ts';
import { messageChangesMutants } from './message-changes.mutants.ts';
import { messageChangesContract } from './message-changes.ts';
import { groupRepositoryMutants } from './group-repository.mutants.ts';
import { groupRepositoryContract } from './group-repository.ts';
import { messageRepositoryMutants } from './message-repository.mutants.ts';
import { messageRepositoryContract } from './message-repository.ts';
import type { Mutants } from './mutants.ts';
import { readPositionRepositoryMutants } from './read-position-repository.mutants.ts';
import { readPositionRepositoryContract } from './read-position-repository.ts';
import { storageMutants } from './storage.mutants.ts';
import { storageContract } from './storage.ts';
import { userRepositoryMutants } from './user-repository.mutants.ts';
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

/** The mutants of each contract. */
export const mutants: { readonly [Port in keyof typeof contracts]: Mutants<(typeof contracts)[Port]> } = {
  messages: messageRepositoryMutants,
  'message changes': messageChangesMutants,
  conversations: conversationRepositoryMutants,
  groups: groupRepositoryMutants,
  events: eventRepositoryMutants,
  readPositions: readPositionRepositoryMutants,
  users: userRepositoryMutants,
  storage: storageMutants,
};
