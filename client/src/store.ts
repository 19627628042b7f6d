import type { MessengerClient } from './client.ts';
import type { ConnectionState } from './follow.ts';
import type { OutgoingMessage } from './outbox.ts';
import type { Timer } from './timer.ts';
import type { Conversation, InboxEntry, Message, Problem } from './types.ts';

/** What is shown. It never changes: a new state is a new object. Parts that did not change are the same objects. */
export interface Snapshot {
  readonly connection: ConnectionState;
  /** Why following has ended, such as an invalid token; null while it goes on. */
  readonly problem: Problem | null;
  readonly inbox: InboxState;
  /** The open conversation. */
  readonly open: OpenConversation | null;
  /** The names of users that are shown, by id. Users without a name are missing. */
  readonly users: Readonly<Record<string, string>>;
}

/** The inbox as far as it is loaded. */
export interface InboxState {
  readonly status: 'loading' | 'ready' | 'failed';
  /** Latest activity first, with `unread_count`. */
  readonly entries: readonly InboxEntry[];
  /** Whether `loadMoreConversations` finds more. */
  readonly hasMore: boolean;
  /** Why the last load failed; null if no response arrived, or if none failed. */
  readonly problem: Problem | null;
}

/** The open conversation as far as it is loaded. */
export interface OpenConversation {
  readonly id: string;
  /** Null until it is loaded. */
  readonly conversation: Conversation | null;
  readonly status: 'loading' | 'ready' | 'failed';
  /** Oldest first. Deleted messages have the content null. */
  readonly messages: readonly Message[];
  /** One's own messages that are pending or failed, oldest first. They are shown after `messages`. */
  readonly outgoing: readonly OutgoingMessage[];
  /** Whether `loadOlderMessages` finds more. */
  readonly hasOlder: boolean;
  /** Why the last load failed; null if no response arrived, or if none failed. */
  readonly problem: Problem | null;
}

/** The inbox and the open conversation of a client, kept up to date. It fits `useSyncExternalStore`. */
export interface Store {
  subscribe(listener: () => void): () => void;
  /** The same object until something changes. */
  getSnapshot(): Snapshot;
  /** Opens a conversation, and closes the one that is open. Opening it again after a failure loads it again. */
  open(conversationId: string): void;
  /**
   * Opens the conversation with a user, which is started if there is none. Resolves to its id when it is open. Rejects with
   * a `ProblemError` or a `NetworkError`, and then leaves open what is open.
   */
  openWith(userId: string): Promise<string>;
  close(): void;
  /** Loads the next page of the inbox; also after a failure. Does nothing while it loads or if there is none. */
  loadMoreConversations(): Promise<void>;
  /** Loads the page before the oldest message shown; also after a failure. Does nothing while it loads or if there is none. */
  loadOlderMessages(): Promise<void>;
  /** Sends to the open conversation. Throws an `Error` if none is open. */
  send(content: string): OutgoingMessage;
  /** Marks the open conversation as read up to the last message shown. */
  markRead(): void;
  /** Sends a failed message again. */
  retry(key: string): void;
  /** Removes a failed message. */
  discard(key: string): void;
  /** Stops following and all loading. The client goes on sending. */
  stop(): void;
}

/** How to keep the store. */
export interface StoreOptions {
  /** The number of conversations and of messages of a page, 1–100; 30 by default. */
  readonly pageSize?: number;
  readonly timer?: Timer;
}

/** Makes a store, which begins to follow and to load the inbox. */
export function createStore(_client: MessengerClient, _options: StoreOptions = {}): Store {
  throw new Error('This is being built.');
}
