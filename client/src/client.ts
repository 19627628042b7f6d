import type { FollowItem, FollowOptions } from './follow.ts';
import type { MessageToSend, Outbox, OutboxStorage, OutgoingMessage } from './outbox.ts';
import type { Timer } from './timer.ts';
import type { Conversation, InboxEntry, Message, Page, ReadPosition, User } from './types.ts';

/** What a client needs. */
export interface ClientOptions {
  /** The address of the service, such as `https://messenger.example`; may have a path. */
  readonly baseUrl: string;
  /** The user for whom this client acts. */
  readonly userId: string;
  /** The bearer token, or a function that returns one. The function is called again after a 401. */
  readonly token?: string | (() => string | Promise<string>);
  /** `fetch` of the host by default. */
  readonly fetch?: typeof fetch;
  /** Keeps unsent messages across reloads. Without it they are kept in memory. */
  readonly storage?: OutboxStorage;
  /** A random number from 0 up to 1, for jitter. */
  readonly random?: () => number;
  readonly timer?: Timer;
}

/** How to list. */
export interface ListOptions {
  /** The number of items of a page, 1–100. */
  readonly limit?: number;
  /** Where to continue: the `next_cursor` of a page. */
  readonly cursor?: string;
  readonly signal?: AbortSignal;
}

/** A list that is read page by page, as far as it is iterated. Iterate over it once. */
export interface List<Item> extends AsyncIterable<Item> {
  /** The same list, as pages. */
  pages(): AsyncIterable<Page<Item>>;
}

/**
 * A client of the messenger for one user. All methods reject with a `ProblemError` if the service refuses, and with a
 * `NetworkError` if no response arrives. Reads and marks are repeated a few times before; an abort rejects with its reason.
 */
export interface MessengerClient {
  readonly userId: string;
  /** The inbox, latest activity first. With `unreadCounts`, entries have `unread_count`. */
  conversations(options?: ListOptions & { readonly unreadCounts?: boolean }): List<InboxEntry>;
  /** The messages of a conversation, newest first; with `before`, an RFC 3339 time, those strictly before it. */
  messages(conversationId: string, options?: ListOptions & { readonly before?: string }): List<Message>;
  getConversation(conversationId: string, signal?: AbortSignal): Promise<Conversation>;
  /** The conversation with `userId`. It is started if there is none. */
  startConversation(userId: string, signal?: AbortSignal): Promise<Conversation>;
  /** Marks a conversation as read up to a message or an event. Returns the position that holds now. */
  markRead(conversationId: string, upTo: string): Promise<ReadPosition>;
  /** A user; null if they have no name. */
  getUser(userId: string, signal?: AbortSignal): Promise<User | null>;
  /** Saves one's own name: 1–100 characters, not blank. */
  saveUser(username: string): Promise<User>;
  /**
   * Puts a message into the outbox, which sends it until the service answers. However often it is repeated, the service
   * stores it once. Messages with the same target are stored in the order of the calls; a failed message does not delay the
   * next one.
   */
  send(message: MessageToSend): OutgoingMessage;
  readonly outbox: Outbox;
  /**
   * The events of the user from now on, or after `cursor`, without gaps and without repeats, across disconnects. It ends
   * when `signal` aborts. It throws a `ProblemError` if the service refuses for good, such as a token that is not valid.
   */
  follow(options?: FollowOptions): AsyncIterable<FollowItem>;
  /** Stops sending. Pending messages stay in the storage, and a new client continues with them. */
  close(): void;
}

/** Makes a client. If the storage has unsent messages of this user, it begins to send them. */
export function createClient(_options: ClientOptions): MessengerClient {
  throw new Error('This is being built.');
}
