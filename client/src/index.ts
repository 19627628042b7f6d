export { createClient } from './client.ts';
export type { ClientOptions, GroupToCreate, ListOptions, MessengerClient } from './client.ts';
export type { ConnectionState, FollowItem, FollowOptions } from './follow.ts';
export type { MessageToSend, Outbox, OutboxStorage, OutgoingMessage, Target } from './outbox.ts';
export type { List } from './pages.ts';
export { NetworkError, ProblemError } from './problems.ts';
export { createStore } from './store.ts';
export type { InboxState, OpenConversation, PageStatus, Snapshot, Store, StoreOptions } from './store.ts';
export type { Timer } from './timer.ts';
export type {
  Conversation,
  InboxEntry,
  KnownEvent,
  Message,
  Page,
  Problem,
  ReadPosition,
  User,
} from './types.ts';
