import { follow, type FollowItem, type FollowOptions } from './follow.ts';
import { makeHttp, type IsExpected, type JsonRequest } from './http.ts';
import {
  makeKey,
  makeOutbox,
  type MessageToSend,
  type Outbox,
  type OutboxStorage,
  type OutgoingMessage,
} from './outbox.ts';
import { listOf, type List } from './pages.ts';
import { ProblemError } from './problems.ts';
import { systemTimer, type Timer } from './timer.ts';
import type { Conversation, InboxEntry, Message, Page, ReadPosition, User } from './types.ts';

/** The options of a client. */
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

/** A group to create. */
export interface GroupToCreate {
  /** The participants; the user's own id may be omitted. */
  readonly participantIds: readonly string[];
  /** 1–100 characters, not blank. */
  readonly name?: string;
}

/** The options of a list. */
export interface ListOptions {
  /** The number of items of a page, 1–100. */
  readonly limit?: number;
  /** The `next_cursor` of the page before. */
  readonly cursor?: string;
  readonly signal?: AbortSignal;
}

/**
 * A client of the messenger for one user. All methods reject with a `ProblemError` if the service refuses, and with a
 * `NetworkError` if no response arrives. Reads and marks are retried a few times first; an abort rejects with its reason.
 */
export interface MessengerClient {
  readonly userId: string;
  /** The inbox, latest activity first. With `unreadCounts`, entries have `unread_count`. */
  conversations(options?: ListOptions & { readonly unreadCounts?: boolean }): List<InboxEntry>;
  /** The messages of a conversation, newest first; with `before`, an RFC 3339 time, those strictly before it. */
  messages(conversationId: string, options?: ListOptions & { readonly before?: string }): List<Message>;
  getConversation(conversationId: string, signal?: AbortSignal): Promise<Conversation>;
  /** The conversation with `otherUserId`. It is started if there is none. */
  startConversation(otherUserId: string, signal?: AbortSignal): Promise<Conversation>;
  /** Marks a conversation as read up to a message or an event. Returns the current read position. */
  markRead(conversationId: string, upTo: string): Promise<ReadPosition>;
  /**
   * Creates a group of this user and the others, who are two at least. It has an idempotency key, so however often it is
   * repeated, the service creates one group.
   */
  createGroup(group: GroupToCreate, signal?: AbortSignal): Promise<Conversation>;
  /** Adds a user to a group. Returns the group. */
  addParticipant(conversationId: string, participantId: string): Promise<Conversation>;
  /** Leaves a group, or removes another participant, which only its creator may do. */
  removeParticipant(conversationId: string, participantId: string): Promise<void>;
  /** Names a group: 1–100 characters, not blank. Returns the group. */
  renameConversation(conversationId: string, name: string): Promise<Conversation>;
  getMessage(conversationId: string, messageId: string, signal?: AbortSignal): Promise<Message>;
  /** Replaces the content of a message of this user. Returns the message. */
  editMessage(conversationId: string, messageId: string, content: string): Promise<Message>;
  /** Deletes the content of a message of this user, for all participants. */
  deleteMessage(conversationId: string, messageId: string): Promise<void>;
  /** A user; null if they have no name. */
  getUser(userId: string, signal?: AbortSignal): Promise<User | null>;
  /** Saves the name of this user: 1–100 characters, not blank. */
  saveUser(username: string): Promise<User>;
  /**
   * Puts a message into the outbox, which sends it until the service answers. However often it is repeated, the service
   * stores it once. Messages with the same target are stored in the order of the calls; a failed message does not delay the
   * next one. A user and the conversation with this user are the same target once this client has seen the conversation.
   */
  send(message: MessageToSend): OutgoingMessage;
  readonly outbox: Outbox;
  /**
   * The events of the user from now on, or after `cursor`, without gaps and without repeats, across disconnects. It ends
   * when `signal` aborts. It throws a `ProblemError` if the service refuses permanently, such as an invalid token.
   */
  follow(options?: FollowOptions): AsyncIterable<FollowItem>;
  /** Stops sending. Pending messages stay in the storage, and a new client continues with them. */
  close(): void;
}

/** The maximum number of attempts of a read or a mark. */
const ATTEMPTS = 4;

/** Makes a client. If the storage has unsent messages of this user, it begins to send them. */
export function createClient(options: ClientOptions): MessengerClient {
  const { userId, random = Math.random, timer = systemTimer } = options;
  const http = makeHttp({
    baseUrl: options.baseUrl,
    token: options.token,
    // Browsers require that fetch is called on their global object.
    fetch: options.fetch ?? ((...request) => fetch(...request)),
    random,
    timer,
  });

  /** For requests that may be repeated. */
  function request(
    path: string,
    isExpected: IsExpected,
    more: Omit<JsonRequest, 'signal'> & { signal?: AbortSignal | undefined },
  ) {
    return http.json(path, { attempts: ATTEMPTS, ...more, signal: more.signal ?? NEVER_ABORTS }, isExpected);
  }

  function list<Item>(
    path: string,
    { cursor, limit, signal }: ListOptions,
    query: Query,
    note: (item: Item) => void = () => undefined,
  ): List<Item> {
    const load = async (at: string | undefined) => {
      const page = (await request(path, isPage, {
        query: { ...query, limit, cursor: at },
        signal,
      })) as Page<Item>;
      page.data.forEach(note);
      return page;
    };
    return listOf(load, cursor);
  }

  /** The conversations of two that are known, by the other user. */
  const pairs = new Map<string, string>();

  async function conversation(
    path: string,
    more: Omit<JsonRequest, 'signal'> & { signal?: AbortSignal | undefined },
  ): Promise<Conversation> {
    const found = (await request(path, isConversation, more)) as Conversation;
    const { id, participant_ids, creator_id } = found;
    const other = participant_ids.find((participant) => participant !== userId) ?? userId;
    if (creator_id === null) pairs.set(other, id);
    return found;
  }

  const outbox = makeOutbox({
    userId,
    storage: options.storage,
    timer,
    conversationWith: (other) => pairs.get(other),
    async post({ key, to, content }, signal) {
      const toUser = 'receiverId' in to;
      const request = {
        method: 'POST',
        headers: { 'Idempotency-Key': key },
        body: { sender_id: userId, ...(toUser && { receiver_id: to.receiverId }), content },
        attempts: Infinity,
        signal,
      } as const;
      const path = toUser ? '/api/messages' : conversationPath(to.conversationId, 'messages');
      const message = (await http.json(path, request, isMessage)) as Message;
      if (message.receiver_id !== null) pairs.set(message.receiver_id, message.conversation_id);
      return message;
    },
  });

  return {
    userId,
    conversations: ({ unreadCounts, ...rest } = {}) =>
      list(
        `/api/conversations/user/${segment(userId)}`,
        rest,
        { unread_counts: unreadCounts },
        ({ other_user_id, id }: InboxEntry) => {
          if (other_user_id !== null) pairs.set(other_user_id, id);
        },
      ),
    messages(conversationId, { before, ...rest } = {}) {
      const path = `/api/messages/conversation/${segment(conversationId)}`;
      return before === undefined
        ? list(path, rest, {})
        : list(`${path}/before`, rest, { before_timestamp: before });
    },
    getConversation: (id, signal) => conversation(conversationPath(id), { signal }),
    startConversation(otherUserId, signal) {
      const body = { participant_ids: [userId, otherUserId] };
      return conversation('/api/conversations', { method: 'POST', body, signal });
    },
    async markRead(conversationId, upTo) {
      const body = { user_id: userId, up_to: upTo };
      const path = conversationPath(conversationId, 'read');
      return (await request(path, isReadPosition, { method: 'PUT', body })) as ReadPosition;
    },
    createGroup({ participantIds, name }, signal) {
      const participant_ids = [...new Set([userId, ...participantIds])];
      const body = { participant_ids, creator_id: userId, name };
      const headers = { 'Idempotency-Key': makeKey() };
      return conversation('/api/conversations', {
        method: 'POST',
        headers,
        body,
        attempts: Infinity,
        signal,
      });
    },
    addParticipant: (id, participantId) =>
      conversation(conversationPath(id, 'participants', participantId), { method: 'PUT' }),
    async removeParticipant(id, participantId) {
      await request(conversationPath(id, 'participants', participantId), isNoContent, { method: 'DELETE' });
    },
    renameConversation: (id, name) => conversation(conversationPath(id), { method: 'PATCH', body: { name } }),
    getMessage: async (id, messageId, signal) =>
      (await request(conversationPath(id, 'messages', messageId), isMessage, { signal })) as Message,
    async editMessage(id, messageId, content) {
      const path = conversationPath(id, 'messages', messageId);
      return (await request(path, isMessage, { method: 'PATCH', body: { content } })) as Message;
    },
    async deleteMessage(id, messageId) {
      await request(conversationPath(id, 'messages', messageId), isNoContent, { method: 'DELETE' });
    },
    async getUser(id, signal) {
      try {
        return (await request(`/api/users/${segment(id)}`, isUser, { signal })) as User;
      } catch (error) {
        if (error instanceof ProblemError && error.code === 'user-not-found') return null;
        throw error;
      }
    },
    async saveUser(username) {
      const path = `/api/users/${segment(userId)}`;
      return (await request(path, isUser, { method: 'PUT', body: { username } })) as User;
    },
    send: (message) => outbox.add(message),
    outbox,
    follow: (how = {}) => follow({ http, userId, random, timer }, how),
    close: () => {
      outbox.close();
    },
  };
}

const isPage: IsExpected = ({ data, next_cursor }) => Array.isArray(data) && next_cursor !== undefined;
const isMessage: IsExpected = ({ id, content }) => typeof id === 'string' && content !== undefined;
const isConversation: IsExpected = ({ participant_ids }) => Array.isArray(participant_ids);
const isReadPosition: IsExpected = ({ read_up_to }) => read_up_to !== undefined;
const isNoContent: IsExpected = (_, status) => status === 204;
const isUser: IsExpected = ({ username }) => typeof username === 'string';

type Query = NonNullable<JsonRequest['query']>;

const NEVER_ABORTS = new AbortController().signal;

function conversationPath(...parts: readonly [conversationId: string, ...rest: string[]]): string {
  return `/api/conversations/${parts.map(segment).join('/')}`;
}

/** A part of a path. Ids of users may contain reserved characters. */
function segment(id: string): string {
  return encodeURIComponent(id);
}
